"""How long a command has taken by the clock on the wall, loading included."""

from __future__ import annotations

import time

_begun_s = [time.perf_counter()]


def begin_clock() -> None:
    """A command begins."""
    _begun_s[0] = time.perf_counter()


def since_begin_s() -> float:
    """Seconds since the command began: what a person has waited."""
    return time.perf_counter() - _begun_s[0]
