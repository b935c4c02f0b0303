"""The durable HTTP API: start, look at, signal and remove instances over HTTP, and the URLs to do it with.

``api`` answers requests, ``endpoints`` are the ASGI doors to it, ``local_socket`` says where the local one is,
``clients`` is what client bindings need. Nothing is re-exported here, so that nobody imports more than is used.
"""
