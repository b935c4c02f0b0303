"""One wish to stop can arrive as several signals."""

__all__ = ["is_same_wish"]

# Ctrl+C reaches a whole group of processes, and "timeout", "npm" and their like pass on what they got themselves.
_SAME_WISH_S = 0.2


def is_same_wish(first: float, now: float) -> bool:
    """Does a signal at ``now`` say again what the one at ``first`` said? Both in seconds of a monotonic clock."""
    return now - first < _SAME_WISH_S
