"""The table of time per stage."""

from __future__ import annotations

from collections.abc import Mapping

from cdedge.show.render import show_table
from cdedge_runtime.measure.sketch import StageTime


def show_stages(stages: Mapping[str, StageTime]) -> None:
    """Print milliseconds per frame of each stage."""
    figures = ("p50", "p90", "p95", "p99", "mean", "max")
    show_table(
        "time per frame",
        ["stage", *(f"{figure} ms" for figure in figures)],
        [(name, *(f"{getattr(t, f'{figure}_ms'):.2f}" for figure in figures)) for name, t in stages.items()],
    )
