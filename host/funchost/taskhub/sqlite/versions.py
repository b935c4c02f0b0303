"""Which versions of orchestrations a worker takes; the others stay unclaimed, for other workers."""

import logging
from collections.abc import Callable

from funchost.durable.entities.ids import is_entity
from funchost.durable.events import ExecutionStarted
from funchost.taskhub import fits_all

__all__ = ["Versions"]

logger = logging.getLogger(__name__)


class Versions:
    """``unfit`` tells why a version is not taken, None for one that is. That a version is left is said once, with the
    first instance of it. Used inside transactions."""

    def __init__(self, unfit: Callable[[str], str | None] = fits_all) -> None:
        self.left: set[str] = set()
        """Those that were met and are not taken."""
        self._unfit = unfit

    def fits(self, start: ExecutionStarted) -> bool:
        return is_entity(start.instance_id) or self.takes(start.version, start.instance_id)

    def takes(self, version: str, instance: str) -> bool:
        if version in self.left:
            return False
        problem = self._unfit(version)
        if problem is None:
            return True
        self.left.add(version)
        logger.warning(
            "Instance '%s', and what else is of its version, is left for another host: %s",
            instance,
            problem,
            extra={"instance_id": instance},
        )
        return False
