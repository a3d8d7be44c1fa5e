"""One finding of the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "bad"]


@dataclass(frozen=True)
class Finding:
    """What a check found; ``remedy`` is what to do about it, empty for ``ok``."""

    level: Level
    what: str
    remedy: str = ""


def ok(what: str) -> Finding:
    """Nothing to do."""
    return Finding("ok", what)


def warn(what: str, remedy: str) -> Finding:
    """It works, but not as well as it could, or a trap lies near."""
    return Finding("warn", what, remedy)


def bad(what: str, remedy: str) -> Finding:
    """Something cdedge needs does not work here."""
    return Finding("bad", what, remedy)
