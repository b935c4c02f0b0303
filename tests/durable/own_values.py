"""A value of an author's own, which says how it is written and read."""

from dataclasses import dataclass

__all__ = ["Money"]


@dataclass(eq=False)
class Money:
    """It can be changed, and yet be a key: it is equal to itself only."""

    amount: int

    @staticmethod
    def to_json(money: "Money") -> int:
        return money.amount

    @staticmethod
    def from_json(amount: int) -> "Money":
        return Money(amount)
