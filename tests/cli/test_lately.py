"""What a long work says where nobody watches: plain lines, by a clock of the test's own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest

from cdedge.evaluation import evaluating
from cdedge.evaluation.job import Job
from cdedge.evaluation.metrics import get_convention
from cdedge.evaluation.worker import track_job
from cdedge.show import lately, progress
from tests.evaluation.running import MOSSE, hand_of, perfect

DAY_S = 24 * 3600.0


class Clock:
    """Seconds that pass only while somebody waits, up to the end of a work."""

    def __init__(self, end_s: float) -> None:
        self.now_s, self._end_s = 0.0, end_s

    def __call__(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> bool:
        self.now_s += seconds
        return self.now_s >= self._end_s


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(lately, "say", lines.append)
    return lines


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> list[lately.Line]:
    """What would say the lines of a block, instead of a thread."""
    asked: list[lately.Line] = []

    @contextmanager
    def noted(line: lately.Line) -> Iterator[None]:
        asked.append(line)
        yield

    monkeypatch.setattr(progress, "now_and_then", noted)
    return asked


def told_at(end_s: float) -> list[float]:
    clock, times = Clock(end_s), list[float]()
    lately.telling(lambda elapsed_s: str(times.append(elapsed_s)), clock.wait, clock)
    return times


@pytest.mark.usefixtures("said")
def test_a_short_work_says_nothing_and_a_day_no_flood() -> None:
    assert told_at(29.0) == []
    assert told_at(100.0) == [30.0, 60.0, 90.0]
    day = told_at(DAY_S)
    assert len(day) == 175
    pauses = [after - before for before, after in pairwise(day)]
    assert pauses == pytest.approx([min(600, max(30, 0.1 * before)) for before in day[:-1]])


def test_each_line_is_of_its_time(said: list[str]) -> None:
    clock, tally = Clock(100.0), lately.Tally("tracking", 4500, "frames")

    def line(elapsed_s: float) -> str:
        tally.reach(round(20 * elapsed_s))
        return tally.line(elapsed_s)

    lately.telling(line, clock.wait, clock)
    assert said == [
        "tracking: 600 of 4500 frames, 20.0 a second, 0:03:15 left",
        "tracking: 1200 of 4500 frames, 20.0 a second, 0:02:45 left",
        "tracking: 1800 of 4500 frames, 20.0 a second, 0:02:15 left",
    ]


def test_a_video_longer_than_it_says_has_no_time_left() -> None:
    assert lately.Tally("tracking", 100, "frames", 100).line(20.0).endswith("5.0 a second, 0:00:00 left")
    assert lately.Tally("tracking", 100, "frames", 130).line(26.0) == "tracking: 130 of 100 frames, 5.0 a second"


def test_the_teller_ends_with_the_work(said: list[str]) -> None:
    before = threading.active_count()
    with lately.now_and_then(str):
        assert threading.active_count() == before + 1
    assert (threading.active_count(), said) == (before, [])


def test_steps_are_counted_where_there_is_no_bar(line: list[lately.Line]) -> None:
    with progress.progress("tracking", 10, "frames") as step:
        for index in range(3):
            step(index, "frame", "estimate")
    with progress.progress("exporting", None) as step:
        step()
    with progress.working("building"):
        pass
    assert [said(6.0) for said in line] == [
        "tracking: 3 of 10 frames, 0.5 a second, 0:00:14 left",
        "exporting: 1",
        "building: 0:00:06 so far",
    ]


def test_a_step_says_how_long_it_has_taken() -> None:
    clock, told = Clock(DAY_S), list[str]()
    present = lately.Present(told.append, clock)
    clock.wait(5.0)
    present.begin("choosing channels")
    clock.wait(90.0)
    assert (told, present.line(95.0)) == (["choosing channels"], "still choosing channels: 0:01:30 so far")


def job(name: str, *paths: str) -> Job:
    return Job(name, paths, (41.0, 51.0, 24.0, 20.0), 0, MOSSE, 1)


def test_an_evaluation_counts_the_frames_of_passes_that_go_on(
    monkeypatch: pytest.MonkeyPatch, line: list[lately.Line]
) -> None:
    told: list[str] = []

    def hand(_settings: object, see: Callable[[Job, int], None]) -> object:
        def in_the_middle(each: Job) -> object:
            see(each, 2)
            told.append(line[0](1.0))
            return perfect(each)

        return hand_of(in_the_middle, [])

    monkeypatch.setattr(evaluating, "_hand", hand)
    settings = evaluating.RunSettings(1, None, None, get_convention("otb"), matlab_compat=False)
    jobs = [job("A", *"abc"), job("B", *"abcd")]
    assert [answer[0] for answer in evaluating._shown(settings)(jobs)] == jobs
    assert told == [
        "tracking: 2 of 7 frames, 2.0 a second, 0:00:02 left",
        "tracking: 5 of 7 frames, 5.0 a second, 0:00:00 left",
    ]
    assert line[0](7.0).startswith("tracking: 7 of 7 frames")


def test_a_worker_tells_each_frame(square_folder) -> None:
    paths, seen = sorted(map(str, square_folder.glob("img/*"))), list[int]()
    outcome = track_job(job("Square", *paths), seen.append)
    assert (outcome.failure, seen) == (None, list(range(1, len(paths) + 1)))
