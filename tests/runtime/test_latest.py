from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput
from cdedge_runtime.estimate import Estimate, Lap, ModelTracker, Sizes, no_lap
from cdedge_runtime.image import Frame
from cdedge_runtime.model.contract import ModelSpec
from cdedge_runtime.run import track
from cdedge_runtime.sources.frames import Source
from cdedge_runtime.sources.latest import Latest


def _numbered(value: int) -> Frame:
    return np.full((8, 8, 3), value, np.uint8)


class Camera:
    """Frames 0, 1, 2, ..; after each number in ``gates`` it waits until told to go on."""

    def __init__(self, count: int, *gates: int) -> None:
        self.gates = {number: threading.Event() for number in gates}
        self.reached = {number: threading.Event() for number in gates}
        self._count, self.closed = count, threading.Event()

    def frames(self) -> Iterator[Frame]:
        try:
            for number in range(self._count):
                yield _numbered(number)
                if number in self.gates:
                    self.reached[number].set()
                    assert self.gates[number].wait(5)
        finally:
            self.closed.set()


def test_a_slow_reader_gets_the_newest_frame_and_the_others_are_counted() -> None:
    camera = Camera(6, 0, 4)
    with Latest(camera.frames()) as frames:
        assert next(frames)[0, 0, 0] == 0
        camera.gates[0].set()
        assert camera.reached[4].wait(5)
        assert next(frames)[0, 0, 0] == 4
        assert frames.dropped == 3
        camera.gates[4].set()
        assert [int(frame[0, 0, 0]) for frame in frames] == [5]
        assert frames.dropped == 3


def test_the_camera_is_given_back_when_nobody_reads_on() -> None:
    camera = Camera(1000, 3)
    with Latest(camera.frames()) as frames:
        next(frames)
        camera.gates[3].set()
    assert camera.closed.wait(5)


def test_what_breaks_the_camera_is_raised_after_its_last_frame() -> None:
    def broken() -> Iterator[Frame]:
        yield _numbered(7)
        raise BadInput("unplugged")

    with Latest(broken()) as frames:
        assert next(frames)[0, 0, 0] == 7
        with pytest.raises(BadInput, match="unplugged"):
            next(frames)


class Slow(ModelTracker):
    """Takes until the camera has come to a frame."""

    spec: ModelSpec

    def __init__(self, wait: Callable[[], object]) -> None:
        self._wait = wait

    def init(self, frame: np.ndarray, box: Box, lap: Lap = no_lap) -> Estimate:  # type: ignore[type-arg] # noqa: ARG002
        self._wait()
        return Estimate(box, 1.0, lost=False)

    def update(self, frame: np.ndarray, lap: Lap = no_lap) -> Estimate:  # type: ignore[type-arg] # noqa: ARG002
        return Estimate(Box(float(frame[0, 0, 0]), 0, 4, 4), 1.0, lost=False)

    def sizes(self) -> Sizes:
        return Sizes(0, 0, 0, 0)


def test_a_run_over_a_live_source_skips_what_it_missed_and_says_so() -> None:
    camera = Camera(5, 0, 3)

    def first() -> None:
        camera.gates[0].set()
        assert camera.reached[3].wait(5)
        camera.gates[3].set()

    source = Source("camera", camera.frames, live=True)
    seen: list[float] = []
    observe = lambda _index, _frame, estimate: seen.append(estimate.box.x)  # noqa: E731
    report = track(Slow(first), source, lambda _: Box(0, 0, 4, 4), newest=True, observe=observe)
    assert seen[-1] == 4
    assert report.dropped is not None
    assert report.dropped + report.frames == 5
    assert report.dropped >= 2
    assert report.latency is not None
    assert 0 < report.latency.p50_ms < 10_000
    whole = track(Slow(lambda: None), Source("file", Camera(5).frames), lambda _: Box(0, 0, 4, 4))
    assert (whole.frames, whole.dropped, whole.latency) == (5, None, None)


def test_one_who_will_not_wait_for_long_gets_nothing_and_asks_again() -> None:
    camera = Camera(2, 0)
    with Latest(camera.frames()) as frames:
        assert next(frames)[0, 0, 0] == 0
        assert frames.within(0.01) is None
        assert not frames.ended
        camera.gates[0].set()
        frame = frames.within(5)
        assert frame is not None
        assert frame[0, 0, 0] == 1
        assert frames.within(5) is None
        assert frames.ended


def test_every_frame_comes_where_none_is_to_be_dropped() -> None:
    def quick() -> Iterator[np.ndarray]:  # type: ignore[type-arg]
        for value in range(50):
            yield np.full((2, 2, 3), value, np.uint8)

    with Latest(quick(), every=True) as frames:
        assert [int(frame[0, 0, 0]) for frame in frames] == list(range(50))
    assert frames.dropped == 0


def test_whoever_leaves_early_leaves_no_thread() -> None:
    camera = Camera(5)
    with Latest(camera.frames(), every=True) as frames:
        assert next(frames)[0, 0, 0] == 0
    assert "cdedge-latest" not in {thread.name for thread in threading.enumerate() if thread.is_alive()}
