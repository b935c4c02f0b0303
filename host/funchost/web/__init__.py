"""The HTTP face of the host: function routes and the durable HTTP API."""
