"""The durable HTTP API: start, look at, signal and remove instances over HTTP, and the URLs to do it with.

``api`` answers requests, ``endpoints`` are the ASGI doors to it, ``local_socket`` is the socket of the local
one, ``clients`` is what client bindings need. Nothing is re-exported here, so that the process that only
opens the socket does not import a web server.
"""
