"""One call of user code: its parameters, where it runs, what becomes of its outputs, and its log line."""
