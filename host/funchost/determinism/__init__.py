"""Looking on, in development, while an orchestrator runs, and telling its author of calls that no replay repeats.

Nothing is patched: the calls are seen by a profile function of the thread, around the author's code only.
"""

from funchost.determinism.guard import DeterminismGuard

__all__ = ["DeterminismGuard"]
