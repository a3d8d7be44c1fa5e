"""Repeated runs and their comparison: what counts as a regression, and what as noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cdedge_runtime.measure.benchmark import BenchReport, Limits, change, compare, differences, spread, summary
from cdedge_runtime.measure.conditions import read_conditions
from cdedge_runtime.measure.probe import MemoryReport, ProbeReport, Request
from cdedge_runtime.record import decode, encode
from cdedge_runtime.stopwatch import StageTime

LIMITS = Limits(at_least=0.05, unknown=0.15)
NOW = read_conditions()


def run(fps: float = 100.0, peak: int | None = 50_000_000) -> ProbeReport:
    time = StageTime(*[1000 / fps] * 6)
    memory = MemoryReport(30_000_000, 1_000_000, peak, peak and peak - 30_000_000, *[None] * 4, 1, 2, 3, 4)
    return ProbeReport(
        "demo",
        10,
        5.0,
        2.0,
        9.0,
        fps,
        fps * 1.1,
        0.4,
        {"features": time, "total": time},
        (9, 11),
        memory,
        "CPU",
        1,
        None,
        {},
    )


def report(*runs: ProbeReport) -> BenchReport:
    return summary(Request("m.onnx", None, None, None, "cpu", 1), runs, NOW, NOW, model_sha256="ab" * 32)


def test_medians_and_spread() -> None:
    made = report(run(90), run(100), run(130))
    assert (made.fps, made.spread["fps"].low, made.spread["fps"].high) == (100, 90, 130)
    assert made.stages["total"].p50_ms == pytest.approx(10)
    assert made.memory.peak_bytes == 50_000_000
    assert len(made.runs) == 3


def test_memory_that_was_not_readable_stays_unknown() -> None:
    made = report(run(peak=None), run())
    assert made.memory.peak_bytes is None
    assert "peak_bytes" not in made.spread


def test_a_report_survives_json() -> None:
    made = report(run(), run(120))
    assert decode(BenchReport, encode(made)) == made


def test_slower_beyond_the_noise_is_worse_and_faster_is_better() -> None:
    old, slow = report(*[run(100)] * 5), report(*[run(80)] * 5)
    verdicts = {c.figure: c.verdict for c in compare(old, slow)}
    assert verdicts["fps"] == verdicts["total_p50_ms"] == "worse"
    assert verdicts["peak_bytes"] == "same"
    assert {c.figure: c.verdict for c in compare(slow, old)}["fps"] == "better"


def test_larger_memory_is_worse_even_of_one_run() -> None:
    verdicts = {c.figure: c.verdict for c in compare(report(run()), report(run(peak=55_000_000)))}
    assert verdicts["peak_bytes"] == "worse"
    assert verdicts["fps"] == "same"


def test_few_runs_have_unknown_noise() -> None:
    one = change("fps", spread([100]), spread([80]), more_is_better=True, limits=LIMITS)
    assert (one.verdict, one.allowed) == ("same", pytest.approx(0.30))
    five = change("fps", spread([100] * 5), spread([80] * 5), more_is_better=True, limits=LIMITS)
    assert (five.verdict, five.allowed, five.worse) == ("worse", 0.05, pytest.approx(0.2))


def test_noise_alone_is_hardly_ever_a_regression() -> None:
    rng = np.random.default_rng(0)
    draws = rng.normal(100, 10, (2000, 2, 5)).tolist()
    false = sum(
        change("t", spread(a), spread(b), more_is_better=False, limits=LIMITS).verdict == "worse" for a, b in draws
    )
    assert false < 20
    real = sum(
        change("t", spread(a), spread([v * 1.6 for v in b]), more_is_better=False, limits=LIMITS).verdict == "worse"
        for a, b in draws
    )
    assert real > 1800


def test_what_was_not_alike_is_named() -> None:
    old = report(run())
    new = replace(old, threads=4, conditions=replace(NOW, cpu="Another CPU"))
    assert len(differences(old, new)) == 2
    assert "threads: was 1, is 4" in differences(old, new)
    assert differences(old, old) == ()
