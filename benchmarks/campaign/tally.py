"""What a campaign counts, and its table."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cdedge_runtime.estimate import Estimate

CLEAN = "clean"
VERDICTS = (CLEAN, "refused late", "traceback", "crash", "hang", "memory", "destroyed", "wrong in silence", "skipped")
HANG_S = 20.0  # of processor time, where it can be told: other work on the machine is no hang
PATIENCE_S = 120.0
MEMORY_BYTES = 1 << 30


@dataclass(frozen=True)
class Case:
    """One attack: its number in the section's seeded row, how it ended, and what was seen."""

    section: str
    number: int
    verdict: str
    what: str


def told(error: Exception, said: str = "") -> str:
    """An error that should not have been, and where it comes from."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{said}{type(error).__name__}: {str(error)[:120]} ({Path(place.filename).name}:{place.lineno})"


def answered(found: Iterable[Estimate]) -> tuple[str, str]:
    """The verdict on a tracker's answers."""
    for estimate in found:
        if not np.isfinite([*estimate.box, estimate.score]).all():
            return "wrong in silence", f"no finite answer: {[*estimate.box, estimate.score]}"
    return CLEAN, "tracked with"


def table(cases: Iterable[Case]) -> Iterator[str]:
    """One line per section, and one per case that was not clean (of skipped ones, one per reason)."""
    kept = list(cases)
    widths = [max(len(verdict), 6) for verdict in VERDICTS]
    yield "  ".join([f"{'section':<10}", " tried", *(f"{v:>{w}}" for v, w in zip(VERDICTS, widths, strict=True))])
    for section in dict.fromkeys(case.section for case in kept):
        of = [case for case in kept if case.section == section]
        counts = Counter(case.verdict for case in of)
        numbers = (f"{counts[v]:>{w}}" for v, w in zip(VERDICTS, widths, strict=True))
        yield "  ".join([f"{section:<10}", f"{len(of):>6}", *numbers])
    yield ""
    told: set[str] = set()
    for case in kept:
        if case.verdict != CLEAN and case.what not in told:
            told |= {case.what} if case.verdict == "skipped" else set()
            yield f"{case.section} {case.number}: {case.verdict}: {case.what}"
