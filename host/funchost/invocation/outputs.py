"""What becomes of a function's return value and its output parameters."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import copy
from typing import Any

from funchost.app.spec import FunctionSpec
from funchost.invocation.invocation import Invocation
from funchost.invocation.values import Output, has_implicit_return

__all__ = ["Outputs", "Write"]

Write = tuple[Callable[[Invocation, Any], Awaitable[None]], Any]
"""Where an encoded value goes, and the value."""

# Who called these functions wants the return value itself.
_RETURNING = frozenset({"activitytrigger", "orchestrationtrigger", "entitytrigger"})


class Outputs:
    """The rules for one function: an explicit ``$return`` wins over an implicit one; None is not written."""

    def __init__(self, function: FunctionSpec, outputs: Sequence[Output]) -> None:
        self._function = function.name
        self._returned = next((one for one in outputs if one.name == "$return"), None)
        self._parameters = [one for one in outputs if one is not self._returned]
        self._returns_value = function.trigger.kind in _RETURNING
        self._encode: Callable[[Any], Any] | None = None
        self._may_return = any(has_implicit_return(binding) for binding in function.bindings)
        self.write = any(one.write is not None for one in outputs)
        """Is any output written, rather than answered?"""
        self.is_simple = not self._parameters and not self.write
        """May :meth:`answer` take the place of :meth:`settle`?"""

    def encoding(self, encode: Callable[[Any], Any]) -> "Outputs":
        """These outputs, but a value for the caller goes through ``encode``, which may refuse it."""
        other = copy(self)
        other._encode = encode
        return other

    def answer(self, returned: Any) -> Any:
        """The answer of a function that has no output but perhaps ``$return``."""
        if self._returned is not None:
            return self._returned.encode(returned)
        if self._returns_value:
            return returned if self._encode is None else self._encode(returned)
        if returned is not None and not self._may_return:
            raise RuntimeError(
                f"function {self._function} returned a value of type {type(returned).__name__}, but it has no "
                "output binding named $return; add one, or return None"
            )
        return None

    def settle(self, returned: Any, arguments: Mapping[str, Any]) -> tuple[Any, Sequence[Write]]:
        """The answer, and what is to be written. All is encoded here, parameters before the return value."""
        answer: Any = None
        writes: list[Write] = []
        for output in self._parameters:
            value = arguments[output.name].get()
            if value is None:
                continue
            encoded = output.encode(value)
            if output.write is None:
                answer = encoded
            else:
                writes.append((output.write, encoded))
        if self._returned is None or self._returned.write is None:
            # An answer that an output parameter gave is replaced only by an answer.
            given = self.answer(returned)
            return (answer if given is None else given), writes
        if returned is not None:
            writes.append((self._returned.write, self._returned.encode(returned)))
        return answer, writes
