"""What the doctor knows and says: facts of this machine, its packages and a model, and a finding.

Facts are plain values, so that a test can fake any of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cdedge_runtime.measure.conditions import Conditions

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


@dataclass(frozen=True)
class Imported:
    """How a package took an import in a process of its own.

    error: the last line it left, None where it worked. signal: what killed it, e.g. 4 for an illegal instruction.
    """

    version: str | None
    error: str | None = None
    signal: int | None = None


@dataclass(frozen=True)
class OpenCv:
    """What this OpenCV was built with."""

    gstreamer: bool
    csrt: bool


@dataclass(frozen=True)
class ModelFacts:
    """An exported file: the versions stamped in it, the memory its shapes need, and why it does not load (or None)."""

    path: str
    ir_version: int | None
    opset: int | None
    needed_bytes: int | None
    error: str | None


@dataclass(frozen=True)
class KnownBadVersion:
    """A release that some device profile warns of."""

    device: str
    package: str
    version: str
    reason: str


@dataclass(frozen=True)
class Facts:
    """All of it. ``missing_libraries``: per provider that onnxruntime lists, the libraries that do not load.

    for_export: the packages that ``cdedge export`` needs and their versions, None for those that are not there.
    """

    conditions: Conditions
    python: tuple[int, int]
    numpy: Imported
    opencv: Imported
    onnxruntime: Imported
    opencv_build: OpenCv | None
    openblas: str | None
    openblas_coretype: str | None
    telemetry_off: bool
    providers: tuple[str, ...]
    missing_libraries: dict[str, tuple[str, ...]]
    proc_readable: bool
    model: ModelFacts | None
    known_bad: tuple[KnownBadVersion, ...]
    for_export: dict[str, str | None]
