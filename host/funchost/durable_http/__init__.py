"""The built-in activity behind ``call_http``: requests that orchestrators send, and the polling of what answers 202."""

from funchost.durable_http.activity import HttpActivity
from funchost.durable_http.client import HttpClient
from funchost.durable_http.tokens import Tokens

__all__ = ["HttpActivity", "HttpClient", "Tokens"]
