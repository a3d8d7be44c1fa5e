"""A made-up benchmark of a made-up model for the device page's tests."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from cdedge.pages.channels import ChannelPictures
from cdedge.pages.device import DevicePage
from cdedge.pages.tracking import Tracking, shown_frames
from cdedge_runtime.box import Box
from cdedge_runtime.estimate import Estimate
from cdedge_runtime.measure.benchmark import BenchReport, summary
from cdedge_runtime.measure.conditions import read_conditions
from cdedge_runtime.measure.probe import MemoryReport, ProbeReport, Request
from cdedge_runtime.stopwatch import StageTime
from tests.conftest import make_spec

MEMORY = MemoryReport(
    floor_bytes=70_000_000,
    source_bytes=2_000_000,
    peak_bytes=90_000_000,
    over_floor_bytes=20_000_000,
    tracker_bytes=18_000_000,
    code_bytes=5_000_000,
    pss_bytes=None,
    private_bytes=None,
    weights_bytes=1_000_000,
    activations_bytes=2_000_000,
    filter_state_bytes=3_000_000,
    buffers_bytes=4_000_000,
)
FRAME_US = tuple(range(1000, 3000, 10))


def make_run(frame_us: tuple[int, ...] = FRAME_US, memory: MemoryReport = MEMORY, fps: float = 500.0) -> ProbeReport:
    """One run whose frames took so long."""
    stages = {"read": StageTime(0.5, 0.6, 0.7, 0.8, 0.5, 1.0), "total": StageTime(2.0, 2.6, 2.8, 3.0, 2.1, 9.0)}
    return ProbeReport(
        "clip", len(frame_us) + 1, 5.0, 1.0, 2.0, fps, fps, 0.5, stages, frame_us, memory, "CPU", 1, {"CPU": 8}, {}
    )


def make_bench(*runs: ProbeReport, throttling: tuple[str, ...] | None = None, cpu: str = "core") -> BenchReport:
    """A benchmark of these runs on an idle machine."""
    now = replace(read_conditions(), cpu=cpu, board=None, load=0.0, usable_cpus=2, throttling=throttling)
    request = Request("m.onnx", None, None, None, "cpu", 1)
    return summary(request, runs or (make_run(), make_run()), now, now, model_sha256="ab" * 32)


def make_pictures(channels: int = 64, name: str = "clip", kept: int = 6) -> ChannelPictures:
    """Maps of layer 11 that grow brighter with their number."""
    ramp = np.linspace(0, 1, channels, dtype=np.float32)[:, None, None]
    window = np.full((64, 64, 3), 128, np.uint8)
    maps = np.ones((channels, 8, 8), np.float32) * ramp
    return ChannelPictures(window, (0.25, 0.5), {"11": maps[:kept]}, {"11": maps}, name)


def make_tracking(frames: int = 40, lost: range = range(20, 26)) -> Tracking:
    """A box that drifts, scored the lower the nearer to the lost frames."""
    scores = [math.inf] + [5.0 + abs(index - lost.start) for index in range(1, frames)]
    estimates = tuple(Estimate(Box(4 + i, 6, 20, 10), scores[i], i in lost) for i in range(frames))
    return Tracking(estimates, {i: np.full((48, 64, 3), 128, np.uint8) for i in shown_frames(estimates)})


def make_device(folder: Path, name: str = "m.onnx", bench: BenchReport | None = None, **changes: object) -> DevicePage:
    """A page with everything on it but a prediction."""
    model = folder / name
    model.write_bytes(b"model")
    page = DevicePage(model, make_spec(), bench or make_bench(), make_tracking(), None, make_pictures(), ())
    return replace(page, **changes)  # type: ignore[arg-type]
