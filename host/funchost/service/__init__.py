"""The only place that builds the object graph: settings, a loaded app and open sockets become a running host."""

from funchost.service.host import Host

__all__ = ["Host"]
