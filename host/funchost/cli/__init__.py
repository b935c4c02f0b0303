"""The ``funchost`` command."""

from funchost.cli.command import main

__all__ = ["main"]
