from __future__ import annotations

import subprocess
import sys

import pytest

from cdedge_runtime.stopwatch import Stopwatch


class Clock:
    """A clock that advances when told."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


def test_laps_are_booked_to_their_stages() -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    for read, run in ((1, 10), (3, 30)):
        clock.now += 5_000_000  # between frames: not booked
        watch.start()
        clock.now += read * 1_000_000
        watch.lap("read")
        clock.now += run * 1_000_000
        watch.lap("run")
        watch.stop()
    stages = watch.stages()
    assert list(stages) == ["read", "run", "total"]
    assert stages["read"].p50_ms == pytest.approx(2, rel=0.005)
    assert (stages["run"].mean_ms, stages["total"].max_ms) == (20, 33)
    assert watch.seconds() == pytest.approx(0.044)
    assert watch.seconds(without=("read",)) == pytest.approx(0.040)


def test_a_stage_seen_twice_in_a_frame_adds_up() -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    watch.start()
    for _ in range(3):
        clock.now += 2_000_000
        watch.lap("features")
    watch.stop()
    assert watch.stages()["features"].p50_ms == 6


def test_no_frames_no_stages() -> None:
    assert Stopwatch().stages() == {}


def test_memory_grows_with_what_is_held() -> None:
    """In a fresh process: here, memory freed by earlier tests could be taken again."""
    code = (
        "from cdedge_runtime.measure.memory import memory_now;"
        "before = memory_now(); held = bytearray(64_000_000); held[::4096] = b'x' * len(held[::4096]);"
        "after = memory_now();"
        "print(before.rss_bytes, after.rss_bytes, after.peak_bytes)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, after, peak = done.stdout.split()
    if before == "None":
        pytest.skip("/proc does not tell memory here")
    assert int(after) - int(before) > 50_000_000
    assert int(peak) >= int(after) - 1_000_000


def test_the_device_side_needs_no_desk_packages() -> None:
    code = (
        "import sys, cdedge_runtime.run, cdedge_runtime.trackers.deepcd.tracker, cdedge_devices;"
        "import cdedge_runtime.measure.probe;"
        "print([m for m in ('torch', 'torchvision', 'onnx', 'typer', 'rich', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
