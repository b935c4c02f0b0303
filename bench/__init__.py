"""How fast funchost is, beside others that keep the same promise; see ``bench/README.md``."""
