"""Why a call of ``call_http`` fails, beside Python's own TimeoutError and ConnectionError.

The names and texts reach orchestrators; no text holds a header, a token or the query of an address.
"""

__all__ = ["RequestRefused", "TokenUnavailable", "UnwantedStatus"]


class RequestRefused(ValueError):
    """It cannot be sent, or followed, as it is: trying again changes nothing."""


class TokenUnavailable(Exception):
    """Nobody gave a token for the resource that the request names."""


class UnwantedStatus(Exception):
    """An answer after which the retry options ask for another attempt."""
