"""The guide to measuring names every field there is."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from cdedge_runtime.measure.benchmark import BenchReport, Change, Spread
from cdedge_runtime.measure.conditions import Conditions, Tegra
from cdedge_runtime.measure.probe import MemoryReport, Request
from cdedge_runtime.stopwatch import StageTime

GUIDE = (Path(__file__).parents[2] / "docs" / "explain" / "bench.md").read_text()


@pytest.mark.parametrize("record", [BenchReport, Conditions, Tegra, StageTime, MemoryReport, Request, Spread, Change])
def test_the_guide_names_every_field(record: type) -> None:
    assert [f.name for f in fields(record) if f"`{f.name}`" not in GUIDE] == []
