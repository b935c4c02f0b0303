"""What the function routes need to know of the user's settings."""

from dataclasses import dataclass, field

from funchost.settings import HttpSettings

__all__ = ["WebOptions"]


@dataclass(frozen=True, slots=True)
class WebOptions:
    """``cors`` are the allowed origins, ``("*",)`` for any; empty switches it off."""

    http: HttpSettings = field(default_factory=HttpSettings)
    cors: tuple[str, ...] = ()
    cors_credentials: bool = False
    homepage: bool = True
