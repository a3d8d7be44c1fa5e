"""The tracker on generated clips: it follows, it survives hard input, and it knows when the target is gone."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from cdedge_runtime.box import Box
from cdedge_runtime.estimate import Estimate
from cdedge_runtime.filter.compact import CompactFilter
from cdedge_runtime.filter.dft import Dft
from cdedge_runtime.trackers import score
from cdedge_runtime.trackers.deepcd.settings import Settings
from cdedge_runtime.trackers.deepcd.tracker import Tracker, View
from cdedge_runtime.trackers.deepcd.watch import Belief, Watch
from tests.conftest import MovingSquare, make_spec, tiny_model_bytes


def mean_iou(tracker: Tracker, clip: MovingSquare, change=lambda frame: frame) -> float:
    tracker.init(change(clip.frame(0)), clip.box(0))
    return float(np.mean([tracker.update(change(clip.frame(i))).box.iou(clip.box(i)) for i in range(1, clip.count)]))


@pytest.fixture
def tracker(tiny_model: Path) -> Tracker:
    return Tracker(tiny_model, threads=1)


@pytest.mark.parametrize(("weak", "learns"), [(1, True), (4, False)])
def test_it_learns_at_one_doubt_and_stops_after_several(
    tracker: Tracker, moving_square: MovingSquare, monkeypatch: pytest.MonkeyPatch, weak: int, learns: bool
) -> None:
    def doubt(watch: Watch, _belief: Belief, _outside: float) -> bool:
        watch.lost, watch._weak = True, weak
        return False

    learned = []
    monkeypatch.setattr(Watch, "judge", doubt)
    monkeypatch.setattr(CompactFilter, "learn", lambda *_: learned.append(True))
    tracker.init(moving_square.frame(0), moving_square.box(0))
    assert all(tracker.update(moving_square.frame(index)).lost for index in range(1, 12))
    assert bool(learned) is learns


@pytest.mark.parametrize(("moved_px", "looks"), [(4, 1), (16, 2)])
def test_it_learns_the_target_in_the_middle_and_looks_again_only_where_it_moved_far(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch, moved_px: int, looks: int
) -> None:
    learned, looked, extract = list[np.ndarray](), list[bool](), tracker._extract
    monkeypatch.setattr(CompactFilter, "learn", lambda _self, spectrum, *_: learned.append(spectrum.copy()))
    monkeypatch.setattr(Tracker, "_views", lambda self, _: [self._view])
    monkeypatch.setattr(tracker, "_extract", lambda window: looked.append(True) or extract(window))
    clip = MovingSquare(speed=(0, 0))
    tracker.init(clip.frame(0), clip.box(0))
    for _ in range(3):
        tracker.update(clip.frame(0))
    looked.clear()
    after = np.roll(clip.frame(0), moved_px, axis=1)
    found = tracker.update(after).box
    assert found.x - clip.box(0).x == pytest.approx(moved_px, abs=1)
    assert len(looked) == looks
    wanted = tracker._transformed(tracker._maps(after, tracker._view, lambda _: None))
    alike = np.vdot(learned[0], wanted) / np.linalg.norm(learned[0]) / np.linalg.norm(wanted)
    assert alike.real > 0.95


@pytest.mark.parametrize("better", [0, 1, 2])
def test_it_learns_what_was_seen_at_the_scale_that_won(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, better: int
) -> None:
    """Of three scales; the one looked at last is not learned for that."""
    path, clip, learned = tmp_path / "wide.onnx", MovingSquare(), list[np.ndarray]()
    path.write_bytes(tiny_model_bytes(make_spec(settings=Settings(scale="pyramid", scale_step=1.3, update_every=1))))
    tracker, scale = Tracker(path, threads=1), (1.0, 1 / 1.3, 1.3)[better]
    monkeypatch.setattr(CompactFilter, "learn", lambda _self, spectrum, *_: learned.append(spectrum.copy()))
    monkeypatch.setattr(tracker, "_is_better", lambda view, *_: view.scale == scale)
    tracker.init(clip.frame(0), clip.box(0))
    tracker.update(clip.frame(0))
    assert tracker._view.scale == scale
    wanted = tracker._transformed(tracker._maps(clip.frame(0), tracker._view, lambda _: None))
    assert np.linalg.norm(learned[0] - wanted) < 0.3 * np.linalg.norm(wanted)


def test_the_watch_is_told_how_much_of_the_box_is_outside(
    tracker: Tracker, moving_square: MovingSquare, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[float] = []
    monkeypatch.setattr(Watch, "judge", lambda _watch, _belief, outside: told.append(outside) or True)
    frame = moving_square.frame(0)
    tracker.init(frame, Box(-8, 5, 24, 20))
    boxes = [tracker.update(frame).box for _ in range(3)]
    assert told == [box.outside(frame.shape) for box in boxes]
    assert min(told) > 0.2


@pytest.mark.parametrize(
    "change",
    [
        lambda f: np.asarray(f.mean(axis=2), np.uint8),
        lambda f: np.dstack([f, np.full(f.shape[:2], 255, np.uint8)]),
        lambda f: f.astype(np.uint16) << 8,
        lambda f: np.ascontiguousarray(f)[:, :, :],
        np.asfortranarray,
    ],
    ids=["grey", "bgra", "16 bit", "view", "fortran order"],
)
def test_any_kind_of_frame(tracker: Tracker, moving_square: MovingSquare, change) -> None:
    assert mean_iou(tracker, moving_square, change) > 0.7


def test_a_growing_target_grows_its_box(tracker: Tracker) -> None:
    clip = MovingSquare(speed=(0, 0))
    start = clip.box(0)
    tracker.init(clip.frame(0), start)
    for step in range(1, 31):
        zoom = 1 + 0.01 * step
        found = tracker.update(clip.zoomed(zoom)).box
    assert found.width / start.width == pytest.approx(zoom, rel=0.14)  # a step of 2 % more or less is chance


def test_the_scales_looked_at_are_those_that_pay_by_the_answers(
    tracker: Tracker, moving_square: MovingSquare, monkeypatch: pytest.MonkeyPatch
) -> None:
    scales, frame, views = list[list[float]](), moving_square.frame(0), tracker._views

    def told(shape: tuple[int, ...]) -> list[View]:
        found = views(shape)
        scales.append([view.scale for view in found])
        return found

    monkeypatch.setattr(tracker, "_views", told)
    monkeypatch.setattr(tracker, "_is_better", lambda view, *_: view.scale < 1)
    tracker.init(frame, moving_square.box(0))
    for _ in range(5):
        tracker.update(frame)
    step = 1.02
    wanted = [[1, step], [1], [1, 1 / step], [1 / step, step**-2], [step**-2, step**-3.5]]
    assert [pytest.approx(each) for each in wanted] == scales


@pytest.mark.parametrize(
    "box",
    [
        Box(60, 60, 4, 4),
        Box(5, 4, 190, 152),
        Box(-10, -8, 24, 20),
        Box(185, 150, 30, 30),
        Box(0, 0, 200, 1),
        Box(10.4, 20.7, 33.3, 12.1),
    ],
    ids=["4 px", "90 % of the frame", "past the top left", "past the bottom right", "a line", "fractions"],
)
def test_extreme_targets_stay_finite(tracker: Tracker, moving_square: MovingSquare, box: Box) -> None:
    tracker.init(moving_square.frame(0), box)
    for index in range(1, 6):
        found = tracker.update(moving_square.frame(index)).box
        assert all(math.isfinite(v) for v in (found.x, found.y, found.width, found.height))
        assert found.width > 0
        assert 0 <= found.center[0] <= 200
        assert 0 <= found.center[1] <= 160


def test_black_frames_do_no_harm(tracker: Tracker) -> None:
    black = np.zeros((80, 100, 3), np.uint8)
    tracker.init(black, Box(20, 20, 30, 30))
    estimates = [tracker.update(black) for _ in range(6)]
    assert all(0 <= e.score <= 1 for e in estimates)
    assert estimates[-1].lost


def test_a_target_that_leaves_is_lost_and_found_again(tracker: Tracker) -> None:
    clip = MovingSquare(40, speed=(0.5, 0.3))
    tracker.init(clip.frame(0), clip.box(0))
    seen = [tracker.update(clip.frame(i)) for i in range(1, 15)]
    empty = clip._ground.copy()
    gone = [tracker.update(empty) for _ in range(15)]
    back = [tracker.update(clip.frame(i)) for i in range(15, 30)]
    assert not any(e.lost for e in seen)
    assert all(e.lost for e in gone[4:])
    assert max(e.score for e in gone) < 0.3 < 0.8 < min(e.score for e in seen)
    assert not back[-1].lost
    assert back[-1].box.iou(clip.box(29)) > 0.6


def test_a_target_that_comes_back_elsewhere_is_found(tracker: Tracker) -> None:
    clip = MovingSquare(20, speed=(0.5, 0.3))
    tracker.init(clip.frame(0), clip.box(0))
    for index in range(1, 15):
        tracker.update(clip.frame(index))
    assert [tracker.update(clip._ground).lost for _ in range(30)][4:] == [True] * 26
    elsewhere = clip._ground.copy()
    elsewhere[100:120, 150:174] = clip._target
    later = [tracker.update(elsewhere) for _ in range(40)]
    assert not later[-1].lost
    assert later[-1].box.iou(Box(150, 100, 24, 20)) > 0.6


def test_the_score_alone_moves_no_box(
    tracker: Tracker, moving_square: MovingSquare, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run() -> list[Estimate]:
        tracker.init(moving_square.frame(0), moving_square.box(0))
        return [tracker.update(moving_square.frame(i)) for i in range(1, 12)]

    usual = run()
    monkeypatch.setattr(score, "probability", lambda *_: 1.0)
    sure = run()
    assert [e.box for e in usual] == [e.box for e in sure]
    assert [e.psr for e in usual] == [e.psr for e in sure]
    assert [e.score for e in sure] == [1.0] * 11 != [e.score for e in usual]


def test_stages_are_told_in_order(tracker: Tracker, moving_square: MovingSquare) -> None:
    stages: list[str] = []
    tracker.init(moving_square.frame(0), moving_square.box(0), stages.append)
    assert stages == ["patch", "features", "update"]
    stages.clear()
    tracker.update(moving_square.frame(1), stages.append)
    assert stages[:4] == ["patch", "features", "transform", "response"]


def test_sizes_come_from_shapes(tracker: Tracker, moving_square: MovingSquare) -> None:
    tracker.init(moving_square.frame(0), moving_square.box(0))
    sizes, spec = tracker.sizes(), tracker.spec
    assert sizes.weights_bytes == spec.weight_bytes
    rows, columns = Dft(spec.grid, band=spec.settings.band).frequencies
    samples = spec.settings.memory * spec.channels * rows * columns * 8
    assert samples < sizes.filter_state_bytes < 2 * samples
    learned = tracker._filter
    assert learned is not None
    arrays = tracker._patch, tracker._seen, tracker._spare, learned._work, learned._spectrum
    held = sum(array.nbytes for array in arrays) + tracker._watch.nbytes
    assert sizes.buffers_bytes == held + 4 * spec.channels * math.prod(spec.grid)


def test_frames_are_not_changed(tracker: Tracker, moving_square: MovingSquare) -> None:
    frame = moving_square.frame(0)
    copy = frame.copy()
    tracker.init(frame, moving_square.box(0))
    tracker.update(frame)
    np.testing.assert_array_equal(frame, copy)
