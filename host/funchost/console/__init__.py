"""The console: records of loggers, prints of user code and notices of the host, as text or JSON lines.

``Console`` is what a process that runs user code opens; a process without any uses :class:`Look` alone.
The modules for the latter import nothing heavy, so this package re-exports nothing.
"""
