"""The embedded task hub: one SQLite file, shared by any number of processes of one machine."""

from funchost.taskhub.sqlite.hub import SqliteTaskHub

__all__ = ["SqliteTaskHub"]
