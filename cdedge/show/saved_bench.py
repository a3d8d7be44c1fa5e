"""A benchmark that was kept as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from cdedge_runtime.errors import BadInput
from cdedge_runtime.measure.benchmark import BenchReport
from cdedge_runtime.measure.noise import Change
from cdedge_runtime.record import decode

BENCH_SCHEMA = "cdedge.bench/1"


@dataclass(frozen=True)
class Compared:
    """What ``--compare`` found: every figure against the older one, and what was not alike."""

    changes: tuple[Change, ...]
    not_alike: tuple[str, ...]


def read_bench(path: Path) -> BenchReport:
    """An answer of ``cdedge bench --json``; raises `BadInput` for anything else."""
    try:
        value = json.loads(path.read_text())
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise BadInput(f"{path}: not JSON: {error}") from error
    if not isinstance(value, dict) or value.pop("schema", None) != BENCH_SCHEMA:
        raise BadInput(f"{path}: not an answer of 'cdedge bench --json' (its schema is not {BENCH_SCHEMA})")
    value.pop("compared", None)
    value.pop("prediction", None)
    try:
        return decode(BenchReport, value)
    except ValueError as error:
        raise BadInput(f"{path}: an answer of another version of cdedge: {error}") from error
