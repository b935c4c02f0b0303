"""How much a worker takes on, and how far it has come in stopping."""

from dataclasses import dataclass, field
from datetime import timedelta

from funchost.taskhub.worker.kept_code import KeptCodeLimits
from funchost.time_limit import GRACE_S

__all__ = ["Limits", "Phase"]


@dataclass(frozen=True, slots=True)
class Limits:
    """``claim_ahead`` bounds the activities claimed for this worker beyond those that run.

    ``function_timeout``: how long an orchestrator may take to its next yield; None: as long as it likes. It gets
    ``timeout_grace_s`` more to end when it is stopped.
    """

    activities: int = 20
    episodes: int = 20
    claim_ahead: int = 80
    events_in_memory: int = 400_000
    kept_code: KeptCodeLimits = field(default_factory=KeptCodeLimits)
    function_timeout: timedelta | None = None
    timeout_grace_s: float = GRACE_S


@dataclass(slots=True)
class Phase:
    """``draining``: nothing new is begun. ``left``: nothing is handed to the hub any more, and threads that still run
    are left behind. Written by the worker alone, and read on every thread."""

    draining: bool = False
    left: bool = False
