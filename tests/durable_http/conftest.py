"""Coroutine tests."""

from coroutines import on_a_loop

pytest_pyfunc_call = on_a_loop(limit_s=30)
