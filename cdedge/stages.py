"""The table of time per stage."""

from __future__ import annotations

from collections.abc import Mapping

from cdedge.render import show_table
from cdedge_runtime.meters import StageTime


def show_stages(stages: Mapping[str, StageTime]) -> None:
    """Print milliseconds per frame of each stage."""
    show_table(
        "time per frame",
        ["stage", "p50 ms", "p95 ms", "p99 ms", "mean ms", "max ms"],
        [
            (name, f"{t.p50_ms:.2f}", f"{t.p95_ms:.2f}", f"{t.p99_ms:.2f}", f"{t.mean_ms:.2f}", f"{t.max_ms:.2f}")
            for name, t in stages.items()
        ],
    )
