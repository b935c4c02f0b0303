"""What the installed release of the SDK can do: tests of newer parts are skipped on the lowest versions."""

import azure.functions._durable_functions as codec
import pytest
from azure.durable_functions.models import DurableOrchestrationContext

__all__ = ["needs_central_codec", "needs_current_executor"]

needs_central_codec = pytest.mark.skipif(
    not hasattr(codec, "df_dumps"), reason="the installed azure-functions is older than its central codec (1.26)"
)

needs_current_executor = pytest.mark.skipif(
    not hasattr(DurableOrchestrationContext, "version"),
    reason="the installed SDK's executor is older than 1.4 and answers otherwise",
)
