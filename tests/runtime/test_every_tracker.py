"""What holds for every tracker."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput, NotInitialized
from cdedge_runtime.estimate import Estimate, Features, Lap, ModelTracker
from cdedge_runtime.kinds import names
from cdedge_runtime.model.contract import Tap
from cdedge_runtime.model.hog import HogFeatures
from cdedge_runtime.model.session import Extractor
from cdedge_runtime.opening import tracker_with
from cdedge_runtime.trackers.cacf.settings import CacfSettings
from cdedge_runtime.trackers.cacf.tracker import grid_for
from cdedge_runtime.trackers.cf2.settings import Cf2Settings
from cdedge_runtime.trackers.deepcd.settings import Settings
from cdedge_runtime.trackers.eco.settings import EcoSettings
from cdedge_runtime.trackers.mdnet.settings import MdNetSettings
from tests.conftest import CHANNELS, MovingSquare, make_spec, tiny_model_bytes


@dataclass(frozen=True)
class Case:
    """A tracker with settings of its own, and the overlap that it keeps with the moving square on average."""

    name: str
    settings: Any
    overlap: float = 0.7


QUICK = MdNetSettings(
    candidates=96,
    first_positives=60,
    first_negatives=120,
    positives=20,
    negatives=40,
    mined=100,
    box_samples=40,
    first_rate=0.003,
    rate=0.003,
    first_iterations=60,
    dropout=0.0,
)
CASES = [
    *(Case("deepcd", Settings(scale=scale)) for scale in ("none", "pyramid")),
    Case("deepcd", Settings(), 0.8),
    Case("deepcd", Settings(keep=0.5)),
    Case("cf2", Cf2Settings()),
    Case("cf2", Cf2Settings(scale="dsst", peak="subcell")),
    Case("eco", EcoSettings(memory=4), 0.8),
    *(
        Case("cacf", CacfSettings(form=form, scale=scale))
        for form in ("independent", "joint")
        for scale in ("none", "dsst")
    ),
    Case("mdnet", QUICK),
]


class Pixels:
    """`CropFeatures` without a network: the pixels of each of 3 x 3 cells, and first weights at random."""

    provider, threads = "numpy", 1

    def __init__(self, settings: MdNetSettings) -> None:
        taps = (Tap("conv3", tuple(range(12)), 12),)
        self.spec = make_spec(tracker="mdnet", taps=taps, settings=settings, input_px=(24, 24), grid=(3, 3))

    def __call__(self, patch: np.ndarray) -> np.ndarray:
        return self.batch(patch[None])[0]

    def batch(self, patches: np.ndarray) -> np.ndarray:
        small = np.stack([cv2.resize(patch, (6, 6), interpolation=cv2.INTER_AREA) for patch in patches])
        cells = (small.astype(np.float32) / 64 - 2).reshape(len(small), 3, 2, 3, 2, 3)
        return cells.transpose(0, 2, 4, 5, 1, 3).reshape(len(small), 12, 3, 3)

    def constants(self, _names: Sequence[str]) -> list[np.ndarray]:
        draw, width, inputs = np.random.default_rng(0), 24, 12 * 9
        weights = [draw.standard_normal((width, n)).astype(np.float32) * (2 / n) ** 0.5 for n in (inputs, width)]
        return [array for weight in weights for array in (weight, np.zeros(width, np.float32))]


def features_of(case: Case, folder: Path) -> Features:
    """The tiny model as a file of the tracker's; for CACF, HOG in the grid of the moving square; for MDNet, pixels."""
    if case.name == "mdnet":
        return Pixels(case.settings)
    if case.name == "cacf":
        grid = grid_for(MovingSquare().box(0).size, case.settings)
        sizes = {"grid": grid, "input_px": (4 * grid[0], 4 * grid[1])}
        taps = (Tap("hog", tuple(range(31)), 31),)
        return HogFeatures(make_spec(tracker="cacf", backbone="fhog", taps=taps, settings=case.settings, **sizes))
    half = tuple(range(CHANNELS // 2))
    more = {"taps": (Tap("11", half, 64), Tap("12", half, 64))} if case.name == "cf2" else {}
    path = folder / "tiny.onnx"
    path.write_bytes(tiny_model_bytes(make_spec(tracker=case.name, settings=case.settings, **more)))
    return Extractor(path, threads=1)


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


@pytest.fixture
def tracker(case: Case, tmp_path: Path) -> ModelTracker:
    return tracker_with(features_of(case, tmp_path))


def followed(tracker: ModelTracker, clip: MovingSquare) -> list[Estimate]:
    return [tracker.init(clip.frame(0), clip.box(0)), *(tracker.update(clip.frame(i)) for i in range(1, clip.count))]


def test_no_tracker_is_left_out() -> None:
    assert {case.name for case in CASES} == set(names())


def test_it_follows_a_moving_square(case: Case, tracker: ModelTracker, moving_square: MovingSquare) -> None:
    found = [estimate.box.iou(moving_square.box(i)) for i, estimate in enumerate(followed(tracker, moving_square))]
    assert np.mean(found[1:]) > case.overlap


def test_the_first_frame_is_certain(tracker: ModelTracker, moving_square: MovingSquare) -> None:
    first = tracker.init(moving_square.frame(0), moving_square.box(0))
    assert first == Estimate(moving_square.box(0), 1.0, lost=False, psr=None)


def test_it_needs_a_target_first(tracker: ModelTracker, moving_square: MovingSquare) -> None:
    with pytest.raises(NotInitialized, match="init"):
        tracker.update(moving_square.frame(0))
    with pytest.raises(NotInitialized, match="init"):
        tracker.sizes()


def test_a_bad_box_leaves_the_old_target(tracker: ModelTracker, moving_square: MovingSquare) -> None:
    tracker.init(moving_square.frame(0), moving_square.box(0))
    for bad in (Box(math.nan, 0, 5, 5), Box(500, 500, 5, 5)):
        with pytest.raises(BadInput):
            tracker.init(moving_square.frame(0), bad)
    assert tracker.update(moving_square.frame(1)).box.iou(moving_square.box(1)) > 0.7


class Stopped(Exception):
    """What ends an ``init`` half-way."""


def stopping_after(count: int) -> Lap:
    stages = list[str]()

    def lap(stage: str) -> None:
        stages.append(stage)
        if len(stages) > count:
            raise Stopped

    return lap


@pytest.mark.parametrize("had_one", [False, True], ids=["without a target", "with one"])
def test_an_init_that_fails_half_way_leaves_no_target(
    tracker: ModelTracker, moving_square: MovingSquare, *, had_one: bool
) -> None:
    """Wherever it stops: a mixture of two targets is worse than none."""
    frame, box, stages = moving_square.frame(0), moving_square.box(0), list[str]()
    tracker.init(frame, box, stages.append)
    for count in range(len(stages)):
        if had_one:
            tracker.init(frame, box)
        with pytest.raises(Stopped):
            tracker.init(frame, box, stopping_after(count))
        with pytest.raises(NotInitialized):
            tracker.update(frame)
    assert tracker.init(frame, box).box == box


def test_init_starts_anew(tracker: ModelTracker, moving_square: MovingSquare) -> None:
    assert followed(tracker, moving_square) == followed(tracker, moving_square)


@pytest.mark.parametrize("level", [0, 128], ids=["black", "grey"])
def test_flat_frames_do_no_harm(
    tracker: ModelTracker, moving_square: MovingSquare, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    """First a target that is nothing, then a real one that turns into nothing."""
    flat = np.full((160, 200, 3), level, np.uint8)
    for first, box in ((flat, Box(20, 20, 24, 20)), (moving_square.frame(0), moving_square.box(0))):
        tracker.init(first, box)
        for _ in range(13):
            found = tracker.update(flat)
            assert all(map(math.isfinite, (*found.box, found.score)))
    assert not caplog.records
