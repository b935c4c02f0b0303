"""What the function routes need to know of the user's settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from funchost.settings.values import HttpSettings

__all__ = ["Hsts", "RouteOrder", "WebOptions"]

RouteOrder = Literal["name", "specific"]
"""``name``: the first function by name whose route fits answers, as in the reference host. ``specific``:
literal before constrained before plain parameter before catch-all."""


@dataclass(frozen=True, slots=True)
class Hsts:
    """``extensions.http.hsts``: sent over HTTPS only, never for localhost."""

    max_age: timedelta = timedelta(days=30)
    include_subdomains: bool = False
    preload: bool = False


@dataclass(frozen=True, slots=True)
class WebOptions:
    """``cors`` are the allowed origins, ``("*",)`` for any; empty switches it off."""

    http: HttpSettings = field(default_factory=HttpSettings)
    route_order: RouteOrder = "name"
    hsts: Hsts | None = None
    cors: tuple[str, ...] = ()
    cors_credentials: bool = False
    homepage: bool = True

    @property
    def headers(self) -> Mapping[str, str]:
        return self.http.custom_headers
