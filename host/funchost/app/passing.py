"""The host's own orchestration context, let through the SDK's wrappers that could not be taken off.

Old apps call ``Orchestrator.create(fn)(context)`` inside a function of their own, and others decorate
what ``Orchestrator.create`` returned. In both the wrapper is out of sight until it runs. It parses the
context and hands it to the SDK's executor; here a context that is no JSON text passes both steps and
reaches the author's function, whose generator the host then drives as always.
"""

import sys
from typing import Any

__all__ = ["let_contexts_pass"]

_MODULE = "azure.durable_functions.orchestrator"
_MARK = "_funchost_lets_contexts_pass"


def let_contexts_pass() -> None:
    """Nothing happens when the app has not imported the SDK; doing it again is harmless.

    The host's context must not be an instance of exactly the SDK's class, and must have no ``body``.
    """
    module = sys.modules.get(_MODULE)
    if module is None or hasattr(module, _MARK):
        return
    context_class: Any = getattr(module, "DurableOrchestrationContext")  # noqa: B009 - an untyped module
    orchestrator_class: Any = getattr(module, "Orchestrator")  # noqa: B009
    parse, execute = context_class.from_json, orchestrator_class.handle

    def from_json(_: type, body: Any) -> Any:
        return parse(body) if isinstance(body, str | bytes) else body

    def handle(self: Any, context: Any) -> Any:
        return execute(self, context) if type(context) is context_class else self.fn(context)

    context_class.from_json = classmethod(from_json)
    orchestrator_class.handle = handle
    setattr(module, _MARK, True)
