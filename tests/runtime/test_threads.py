"""Threads: how many a session gets, and one loaded model under several trackers."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cdedge_runtime import blas, open_targets, open_tracker
from cdedge_runtime.errors import BadEnvironment, Usage
from cdedge_runtime.model import threads
from cdedge_runtime.model.session import Extractor
from cdedge_runtime.trackers.deepcd.tracker import Tracker
from tests.conftest import MovingSquare, make_spec, tiny_model_bytes

TARGETS = 4


@pytest.mark.parametrize("count", [0, -1, threads.MOST_THREADS + 1, 10_000, 10**30, 1.0, True, "2", [1]], ids=repr)
def test_a_number_that_is_none_is_refused(tiny_model: Path, count: object) -> None:
    with pytest.raises(Usage, match="threads: expected a whole number from 1 to") as caught:
        open_tracker(tiny_model, threads=count)
    assert caught.value.field == "threads"


@pytest.mark.parametrize("count", [0, -1, threads.MOST_THREADS + 1, 1.0, True, "2", None], ids=repr)
def test_a_number_of_workers_that_is_none_is_refused(tiny_model: Path, count: object) -> None:
    with pytest.raises(Usage, match="workers: expected a whole number from 1 to") as caught:
        open_targets(tiny_model, threads=1, workers=count)
    assert caught.value.field == "workers"


def test_the_default_is_the_usable_processors_where_there_is_work_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "usable_cpus", lambda: 3)
    for macs, count in ((threads.LEAST_SHARED_MACS, 3), (threads.LEAST_SHARED_MACS - 1, 1)):
        path = tmp_path / f"{macs}.onnx"
        path.write_bytes(tiny_model_bytes(make_spec(macs=macs)))
        assert Extractor(path).threads == count
        assert Extractor(path, threads=2).threads == 2


@pytest.mark.parametrize("allowed", [0, 1, 3])
def test_where_too_few_can_be_started_nothing_waits(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, allowed: int
) -> None:
    real, started = threading.Thread.start, []

    def start(thread: threading.Thread) -> None:
        if len(started) == allowed:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(BadEnvironment, match=f"can start {allowed} beside .* at most {allowed + 1}") as caught:
        open_tracker(tiny_model, threads=6)
    assert caught.value.field == "threads"
    assert not any(thread.is_alive() for thread in started)


def test_trying_leaves_no_thread() -> None:
    before = threading.active_count()
    assert threads.session_threads(20, threads.LEAST_SHARED_MACS) == 20
    assert threading.active_count() == before


def test_trackers_in_several_threads_share_one_model(tiny_model: Path) -> None:
    """Each must see its own target's features, whatever the others do meanwhile."""
    clips = [MovingSquare(speed=(speed, 4 - speed)) for speed in range(TARGETS)]

    def track(model: Extractor, clip: MovingSquare) -> list[object]:
        tracker = Tracker(model)
        estimates = [tracker.init(clip.frame(0), clip.box(0))]
        return estimates + [tracker.update(clip.frame(index)) for index in range(1, clip.count)]

    alone = [track(Extractor(tiny_model, threads=1), clip) for clip in clips]
    for _ in range(3):
        shared = Extractor(tiny_model, threads=1)
        with ThreadPoolExecutor(TARGETS) as pool:
            assert list(pool.map(lambda clip, shared=shared: track(shared, clip), clips)) == alone


def test_one_threads_features_hold_while_another_runs(tiny_model: Path) -> None:
    model = Extractor(tiny_model, threads=1)
    mine = model(np.full((64, 64, 3), 9, np.uint8))
    before = mine.copy()
    other = threading.Thread(target=lambda: [model(np.full((64, 64, 3), 200, np.uint8)) for _ in range(20)])
    other.start()
    other.join()
    np.testing.assert_array_equal(mine, before)


def test_ended_threads_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread counts against the limit until the kernel has taken it off, a moment after it was joined."""
    counts = iter([5, 7, 6, 5])
    monkeypatch.setattr(threads, "_running", lambda: next(counts))
    begin = time.monotonic()
    assert threads.session_threads(2, threads.LEAST_SHARED_MACS) == 2
    assert time.monotonic() - begin < threads._END_S
    assert next(counts, None) is None


def test_no_room_for_matrix_products_is_told_before_openblas_ends_the_process(
    monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    def full(*_args: int) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(blas.mmap, "mmap", full)
    with pytest.raises(BadEnvironment, match="no room for numpy's matrix products"):
        Extractor(tiny_model, threads=1)
