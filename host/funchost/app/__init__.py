"""Function apps as data: find them, import them, describe them."""

from funchost.app.load import load_app
from funchost.app.spec import NO_TRIGGER, BindingSpec, Direction, FunctionApp, FunctionSpec, RetryPolicySpec

__all__ = [
    "NO_TRIGGER",
    "BindingSpec",
    "Direction",
    "FunctionApp",
    "FunctionSpec",
    "RetryPolicySpec",
    "load_app",
]
