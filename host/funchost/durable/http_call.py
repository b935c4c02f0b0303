"""What ``call_http`` asks of the built-in activity: the request object of the protocol, made of what it was given.

What is wrong with an argument shows here, in the author's own code, and not when the request is sent.
"""

import json
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, cast

from funchost.durable.retry import RetryRule
from funchost.timespan import format_timespan

__all__ = ["ResponseHeaders", "answer_of", "body_text", "request_object", "sending_options"]


class ResponseHeaders(dict[str, str | list[str]]):
    """Spelled as the server did, and found whatever their case."""

    def __missing__(self, name: str) -> str | list[str]:
        if (spelled := self._spelled(name)) is None:
            raise KeyError(name)
        return self[spelled]

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or self._spelled(name) is not None

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default

    def _spelled(self, name: object) -> str | None:
        if not isinstance(name, str):
            return None
        return next((known for known in self if known.lower() == name.lower()), None)


def answer_of(payload: str) -> Any:
    """The result of a call from what is stored of it: the SDK's dict."""
    answer = json.loads(payload)
    if isinstance(answer, dict) and isinstance(answer.get("headers"), dict):
        answer["headers"] = ResponseHeaders(answer["headers"])
    return answer


def body_text(content: Any, *, is_raw_str: bool) -> str | None:
    """JSON text of anything, a plain string included, unless ``is_raw_str`` says that it is the text already.

    Raises TypeError for what cannot be serialised, and for raw content that is no string.
    """
    if is_raw_str and not isinstance(content, str):
        raise TypeError(
            "Invalid use of 'is_raw_str' parameter: 'is_raw_str' is set to 'True' but 'content' is not an instance of "
            "type 'str'. Either set 'is_raw_str' to 'False', or ensure your 'content' is of type 'str'."
        )
    if content is None or is_raw_str:
        return content
    return json.dumps(content)


def request_object(method: Any, uri: Any, body: str | None, headers: Any, token_source: Any) -> dict[str, Any]:
    """Raises ValueError for an empty method or an address that is not absolute, TypeError for other types."""
    request: dict[str, Any] = {"method": _method(method), "uri": _address(uri)}
    if body is not None:
        request["content"] = body
    if headers is not None:
        request["headers"] = _headers(headers)
    if token_source is not None:
        request["tokenSource"] = _token_source(token_source)
    return request


def sending_options(
    *, timeout: Any, rule: RetryRule | None, retry_on: Collection[int] | None, poll: bool
) -> dict[str, Any]:
    """The members that say how a request is sent; defaults are left out. ``timeout`` is a timedelta or seconds."""
    options: dict[str, Any] = {}
    if not poll:
        options["asynchronousPatternEnabled"] = False
    if rule is not None:
        options["retryOptions"] = _retry_options(rule, retry_on or ())
    elif retry_on is not None:
        raise ValueError("retry_on names statuses to try again after, and needs retry, which says when and how often")
    if timeout is not None:
        options["timeout"] = format_timespan(_positive_span(timeout))
    return options


def _method(method: Any) -> str:
    if not isinstance(method, str):
        raise TypeError(f"method must be a string such as 'GET', but got {type(method).__name__}")
    if not method:
        raise ValueError("method cannot be empty")
    return method


def _address(uri: Any) -> str:
    if not isinstance(uri, str):
        raise TypeError(f"uri must be a string, but got {type(uri).__name__}")
    if not uri.lower().startswith(("http://", "https://")):
        # Not shown whole: it may hold a key.
        raise ValueError(f"uri must be absolute and begin with http:// or https://, but begins with {uri[:12]!r}")
    return uri


def _headers(headers: Any) -> dict[str, str | list[str]]:
    if not isinstance(headers, Mapping):
        raise TypeError(f"headers must be a dict, but got {type(headers).__name__}")
    return {_header_name(name): _header_value(name, value) for name, value in cast(Any, headers).items()}


def _header_name(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"the name of a header must be a string, but got {type(name).__name__}")
    return name


def _header_value(name: str, value: Any) -> str | list[str]:
    """Numbers become text; a list is a header that is sent several times."""
    if isinstance(value, (list, tuple)):
        return [_header_text(name, each) for each in cast(list[Any], value)]
    return _header_text(name, value)


def _header_text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    raise TypeError(f"header {name!r} must be a string or a list of strings, but got {type(value).__name__}")


def _token_source(source: Any) -> Any:
    """As the SDK's token sources describe themselves."""
    to_json = getattr(source, "to_json", None)
    if not callable(to_json):
        raise TypeError(f"token_source must be a ManagedIdentityTokenSource, but got {type(source).__name__}")
    return to_json()


def _retry_options(rule: RetryRule, statuses: Collection[int]) -> dict[str, Any]:
    for status in statuses:
        if not isinstance(cast(object, status), int) or not 100 <= status <= 599:
            raise ValueError(f"retry_on takes HTTP status codes, but got {status!r}")
    options = {
        "FirstRetryInterval": _timespan_of(rule.first_interval),
        "MaxRetryInterval": _timespan_of(rule.max_interval),
        "BackoffCoefficient": rule.backoff,
        "MaxNumberOfAttempts": rule.max_attempts,
        "StatusCodesToRetry": sorted(int(status) for status in statuses),
    }
    return options if rule.timeout is None else options | {"RetryTimeout": _timespan_of(rule.timeout)}


def _timespan_of(ticks: int) -> str:
    return format_timespan(timedelta(microseconds=ticks // 10))


def _positive_span(timeout: Any) -> timedelta:
    if isinstance(timeout, (int, float)) and not isinstance(timeout, bool):
        timeout = timedelta(seconds=timeout)
    if not isinstance(timeout, timedelta):
        raise TypeError(f"timeout must be a timedelta or a number of seconds, but got {type(timeout).__name__}")
    if timeout <= timedelta():
        raise ValueError(f"timeout must be more than nothing, but got {timeout}")
    return timeout
