"""What holds for every tracker with a filter; MDNet's network is made with its export's tests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput, NotInitialized
from cdedge_runtime.estimate import Estimate, Features, ModelTracker
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
from tests.conftest import CHANNELS, MovingSquare, make_spec, tiny_model_bytes


@dataclass(frozen=True)
class Case:
    """A tracker with settings of its own, and the overlap that it keeps with the moving square on average."""

    name: str
    settings: Any
    overlap: float = 0.7


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
]


def features_of(case: Case, folder: Path) -> Features:
    """The tiny model as a file of the tracker's; for CACF, HOG in the grid of the moving square."""
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
    assert {case.name for case in CASES} == set(names()) - {"mdnet"}


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
