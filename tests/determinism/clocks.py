"""A module of an app that reads the clock when it is imported."""

import time

LOADED_AT = time.time()


def shift(moment: float) -> float:
    return moment - LOADED_AT
