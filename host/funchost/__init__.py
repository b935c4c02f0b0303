"""funchost: a host for Azure-Functions-style Python apps."""

__version__ = "0.1.0"

__all__ = ["__version__"]
