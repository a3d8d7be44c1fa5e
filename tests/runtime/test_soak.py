"""Soaks: a tracker that leaks is found, one that does not is not called leaking."""

from __future__ import annotations

import math
import mmap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadEnvironment, BadInput
from cdedge_runtime.estimate import Estimate
from cdedge_runtime.measure.conditions import read_conditions
from cdedge_runtime.measure.memory import memory_now
from cdedge_runtime.measure.soak import Sample, SoakRequest, run
from cdedge_runtime.measure.soak_report import SoakReport, report_of, soak
from cdedge_runtime.sources.frames import Source, open_source
from tests.conftest import make_spec

REQUEST = SoakRequest("m.onnx", None, (1, 1, 8, 8), 4000, None, 20, "cpu", 1)
STILL = Source("still", lambda: iter([np.zeros((20, 20, 3), np.uint8)] * 7), count=7)
NOW = read_conditions()


class Leaky:
    """A tracker that keeps ``leak_bytes`` per frame."""

    spec = make_spec()

    def __init__(self, leak_bytes: int) -> None:
        self._leak_bytes, self._kept, self.starts, self.frames = leak_bytes, [], 0, 0

    def init(self, *_: object) -> Estimate:
        self.starts += 1
        return self.update()

    def update(self, *_: object) -> Estimate:
        self.frames += 1
        if self._leak_bytes:
            # Pages of its own: a heap that other tests have grown could give without growing.
            self._kept.append(mmap.mmap(-1, self._leak_bytes))
            self._kept[-1].write(b"x" * self._leak_bytes)
        return Estimate(Box(1, 1, 8, 8), math.inf, lost=False)


def samples_of(tracker: Leaky, request: SoakRequest = REQUEST, source: Source = STILL) -> tuple[Sample, ...]:
    samples: list[Sample] = []
    run(tracker, source, request, samples.append)
    return tuple(samples)


def judged(samples: tuple[Sample, ...], handles: range | None = None) -> SoakReport:
    if handles is not None:
        samples = tuple(replace(sample, handles=count) for sample, count in zip(samples, handles, strict=True))
    return report_of(REQUEST, samples, NOW, allowed_bytes=4096)


def flat(count: int = 80) -> tuple[Sample, ...]:
    return tuple(Sample(i * 50, i * 1.0, 60_000_000, 50_000_000, 7, 3, 2.0) for i in range(1, count + 1))


@pytest.mark.skipif(memory_now().rss_bytes is None, reason="/proc does not tell memory here")
def test_a_leaking_tracker_is_found() -> None:
    report = judged(samples_of(Leaky(4096)))
    assert report.verdict == "leak"
    assert report.rss_slope_bytes is not None
    assert report.rss_slope_bytes.per_1000 == pytest.approx(4_096_000, rel=0.3)


def test_every_lap_starts_anew_and_samples_come_every_so_often() -> None:
    tracker = Leaky(0)
    samples = samples_of(tracker, replace(REQUEST, frames=70))
    assert (tracker.frames, tracker.starts) == (70, 10)
    assert [s.frame for s in samples] == [20, 40, 60]


def test_time_ends_a_soak_too() -> None:
    tracker = Leaky(0)
    samples_of(tracker, replace(REQUEST, frames=None, seconds=0.0))
    assert tracker.frames == 1


def test_a_live_source_is_not_looped_and_an_empty_one_is_refused() -> None:
    tracker = Leaky(0)
    samples_of(tracker, source=replace(STILL, live=True))
    assert (tracker.frames, tracker.starts) == (7, 1)
    with pytest.raises(BadInput, match="no frames"):
        samples_of(tracker, source=Source("empty", lambda: iter(())))


def test_large_sources_are_read_again_in_every_lap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cdedge_runtime.measure.soak.KEPT_FRAMES_BYTES", 100)
    opened: list[int] = []
    source = replace(STILL, frames=lambda: opened.append(1) or STILL.frames())
    samples_of(Leaky(0), replace(REQUEST, frames=21), source)
    assert len(opened) == 1 + 3  # one look at the first frame's size, then every lap


def test_steady_memory_is_steady() -> None:
    report = judged(flat())
    assert report.verdict == "steady"
    assert (report.handles, report.threads, report.latency_drift) == ((7, 7), (3, 3), 0.0)


def test_growing_handles_are_a_leak() -> None:
    report = judged(flat(), handles=range(80))
    assert report.verdict == "leak"
    assert "handles" in report.reason


def test_unreadable_memory_is_unclear_not_steady() -> None:
    report = judged(tuple(replace(s, rss_bytes=None, handles=None) for s in flat()))
    assert (report.verdict, report.rss_slope_bytes, report.handles) == ("unclear", None, None)
    assert judged(()).verdict == "unclear"


def test_a_soak_that_cannot_tell_says_how_long_it_takes() -> None:
    noise = np.random.default_rng(0).normal(0, 40_000, 12)
    rough = tuple(replace(s, rss_bytes=s.rss_bytes + int(n)) for s, n in zip(flat(12), noise, strict=True))
    report = judged(rough)
    assert report.verdict == "unclear"
    frames = int(report.reason.rpartition("about ")[2].split()[0])
    assert report.reason.startswith("too short")
    assert report.frames * 2 < frames < 1_000_000


def test_the_source_is_opened_once(square_folder: Path) -> None:
    samples = samples_of(Leaky(0), replace(REQUEST, frames=40), open_source(str(square_folder)))
    assert len(samples) == 2


@pytest.mark.parametrize(("met", "kept"), [(KeyboardInterrupt(), True), (BadEnvironment("killed by SIGKILL"), False)])
def test_what_was_seen_before_the_end_is_told(monkeypatch: pytest.MonkeyPatch, met: BaseException, kept: bool) -> None:
    def watch(_: SoakRequest, see: Callable[[Sample], None]) -> None:
        see(flat(1)[0])
        raise met

    monkeypatch.setattr("cdedge_runtime.measure.soak_report.watch", watch)
    if kept:
        report = soak(REQUEST)
        assert (report.frames, report.interrupted) == (50, True)
    else:
        with pytest.raises(BadEnvironment, match=r"SIGKILL. Last sample: frame 50, resident memory 60\.0 MB"):
            soak(REQUEST)
