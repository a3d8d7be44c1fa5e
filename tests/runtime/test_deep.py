"""The deep part: where its response lies on the fine grid, how the two are joined, and what a file says of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cdedge_runtime.errors import BadModel, BadValue
from cdedge_runtime.estimate import Seen, no_lap
from cdedge_runtime.filter.compact import CompactFilter, label_for
from cdedge_runtime.filter.fourier import peak, wrapped
from cdedge_runtime.model.contract import DeepPart, HeadPart, InputConvention, ModelSpec, Tap, WeightsInfo
from cdedge_runtime.model.deep_settings import DeepSettings, HeadSettings
from cdedge_runtime.model.metadata import from_metadata, to_metadata
from cdedge_runtime.model.session import Extractor
from cdedge_runtime.trackers import score
from cdedge_runtime.trackers.deepcd.deep import DeepSight, Lattice, Look, places
from cdedge_runtime.trackers.deepcd.tracker import Tracker, View
from cdedge_runtime.trackers.deepcd.watch import Belief, Watch
from tests.conftest import MovingSquare, make_spec

NO_PATCH, NOTHING = np.zeros((0, 0, 3), np.uint8), np.zeros(0, np.float32)
NO_SPECTRUM = np.zeros((0, 0, 0), np.complex64)
FINE = Lattice((48, 48), 90.0, (20.5, 21.0))
PART = DeepPart(
    "toy",
    (Tap("blurred", (0, 1, 2), 3),),
    (64, 64),
    (16, 16),
    InputConvention("BGR", 1.0, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    DeepSettings(),
    WeightsInfo("none", "ab" * 32, "Apache-2.0"),
)


@dataclass
class ToyFeatures:
    """Deep maps of both signs that need no network: the patch averaged over blocks of 4 x 4, minus mid-grey."""

    spec: ModelSpec
    provider: str = "none"
    threads: int = 1

    def __call__(self, _patch: np.ndarray) -> np.ndarray:
        raise AssertionError("only the deep part is looked at")

    def deep(self, patch: np.ndarray) -> np.ndarray:
        small = cv2.resize(patch, PART.grid, interpolation=cv2.INTER_AREA).astype(np.float32)
        return np.ascontiguousarray(small.transpose(2, 0, 1)) - 128

    def together(self, fine: np.ndarray, deep: np.ndarray, template: np.ndarray | None = None) -> Seen:
        assert (fine is NO_PATCH, template) == (True, None)
        return Seen(NOTHING, self.deep(deep), NOTHING)


def sight(**settings: float) -> DeepSight:
    part = replace(PART, settings=replace(PART.settings, **settings))
    return DeepSight(ToyFeatures(make_spec(deep=part)), part)


def moved_px(response: np.ndarray, fine: Lattice) -> tuple[float, float]:
    rows, columns, _ = peak(response)
    cell = fine.side_px / fine.grid[0]
    return wrapped(rows - fine.rest[0], 48) * cell, wrapped(columns - fine.rest[1], 48) * cell


@pytest.mark.parametrize("side_px", [90.0, 80.0, 110.0])
@pytest.mark.parametrize("shift", [(0.0, 0.0), (3.0, -2.0), (-1.4, 2.7)])
def test_a_coarse_peak_is_at_the_same_place_in_the_frame(side_px: float, shift: tuple[float, float]) -> None:
    coarse = Lattice((16, 16), side_px, (6.0, 6.5))
    at = [np.arange(16) - rest - d for rest, d in zip(coarse.rest, shift, strict=True)]
    response = np.outer(*(np.exp(-0.5 * (d / 0.9) ** 2) for d in at)).astype(np.float32)
    rows, columns = places(coarse, FINE)
    found = moved_px(rows @ response @ columns.T, FINE)
    assert found == pytest.approx([s * side_px / 16 for s in shift], abs=0.2)


def test_beyond_the_coarse_window_its_border_counts() -> None:
    rows, _ = places(Lattice((16, 16), 45.0, (6.0, 6.0)), FINE)
    at_rest = 20  # half a window away in fine cells is 12 of 48, for half the side
    beyond = [(at_rest + 15) % 48, (at_rest + 20) % 48]
    np.testing.assert_array_equal(rows[beyond[0]], rows[beyond[1]])
    assert not np.array_equal(rows[at_rest], rows[at_rest + 3])


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_joint_response_peaks_where_one_of_the_two_is_sure(share: float) -> None:
    sure = label_for((48, 48), (7, 6), 2.0)
    flat = np.full((48, 48), 0.2, np.float32)
    look = sight(share=share)
    if share < 1:
        assert look.joint(sure, Look(flat, NOTHING, NO_SPECTRUM, 1.0)).argmax() == sure.argmax()
    if share > 0:
        assert look.joint(flat, Look(sure, NOTHING, NO_SPECTRUM, 1.0)).argmax() == sure.argmax()


def test_the_deep_response_moves_with_the_target(moving_square: MovingSquare) -> None:
    look, box = sight(), moving_square.box(0)
    fine = Lattice((48, 48), 4.5 * (box.width * box.height) ** 0.5, (20.0, 20.0))
    look.begin(moving_square.frame(0), box.center, box.size, fine, no_lap)
    for index in (0, 1, 2):
        response = look.respond(moving_square.frame(index), box.center, 1.0, box.size, no_lap, fine=NO_PATCH).response
        (x, y), (x0, y0) = moving_square.box(index).center, box.center
        assert moved_px(response, fine) == pytest.approx((y - y0, x - x0), abs=1.0)
        assert response.max() > 0.5


def test_it_learns_the_target_where_it_went(moving_square: MovingSquare) -> None:
    box = moving_square.box(0)
    fine = Lattice((48, 48), 4.5 * (box.width * box.height) ** 0.5, (20.0, 20.0))
    answers = []
    for told in (True, False):
        look = sight(learning_rate=0.9, update_every=1, iterations=10)
        look.begin(moving_square.frame(0), box.center, box.size, fine, no_lap)
        (x, y), (x0, y0) = moving_square.box(3).center, box.center
        seen = look.respond(moving_square.frame(3), box.center, 1.0, box.size, no_lap, fine=NO_PATCH)
        look.learn(seen, (x - x0, y - y0) if told else (0.0, 0.0), 1, no_lap)
        answers.append(
            moved_px(look.respond(moving_square.frame(3), (x, y), 1.0, box.size, no_lap, fine=NO_PATCH).response, fine)
        )
    assert answers[0] == pytest.approx((0, 0), abs=1.5)
    assert np.hypot(*answers[1]) > 4


def test_linear_places_read_cells_exactly_and_between_them_evenly() -> None:
    coarse = Lattice((16, 16), FINE.side_px, (8, 8))
    rows, columns = places(coarse, replace(FINE, rest=(24.0, 24.0)), linear=True)
    found = rows @ np.outer(np.arange(16.0), np.ones(16)) @ columns.T
    assert found[24 + 3, 5] == pytest.approx(9)  # a coarse cell is three fine ones
    assert found[24 + 1, 5] == pytest.approx(8 + 1 / 3, abs=1e-5)


def test_it_learns_at_its_turns_only(moving_square: MovingSquare) -> None:
    look, box = sight(update_every=3), moving_square.box(0)
    look.begin(moving_square.frame(0), box.center, box.size, FINE, no_lap)
    stages = list[str]()
    for frame in range(1, 7):
        seen = look.respond(moving_square.frame(frame), box.center, 1.0, box.size, no_lap, fine=NO_PATCH)
        look.learn(seen, (0.0, 0.0), frame, stages.append)
    assert stages.count("update") == 2


class BothFeatures(ToyFeatures):
    """The patch's own colours as fine maps beside the toy's deep ones; counts the deep looks."""

    looks = 0

    def __call__(self, patch: np.ndarray) -> np.ndarray:
        small = cv2.resize(patch, self.spec.grid[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
        return np.stack([small[:, :, channel % 3] for channel in range(self.spec.channels)])

    def together(self, fine: np.ndarray, deep: np.ndarray, template: np.ndarray | None = None) -> Seen:
        assert template is None
        self.looks += 1
        return Seen(self(fine), self.deep(deep), NOTHING)


@pytest.mark.parametrize(("every", "looks"), [(1, 8), (2, 4), (4, 2)])
def test_between_deep_looks_the_fine_filter_answers_alone(moving_square: MovingSquare, every: int, looks: int) -> None:
    part = replace(PART, settings=replace(PART.settings, every=every))
    features = BothFeatures(make_spec(deep=part))
    tracker = Tracker(features)
    tracker.init(moving_square.frame(0), moving_square.box(0))
    for frame in range(1, 9):
        box = tracker.update(moving_square.frame(frame)).box
        assert box.center == pytest.approx(moving_square.box(frame).center, abs=3)
    assert features.looks == looks


@pytest.mark.parametrize("goes", [False, True], ids=["found here", "found there"])
def test_it_learns_from_the_look_that_found_the_target(
    moving_square: MovingSquare, monkeypatch: pytest.MonkeyPatch, *, goes: bool
) -> None:
    """A target that is looked for takes a frame two deep looks; the first of them, or the second, finds it."""
    part = replace(PART, settings=replace(PART.settings, update_every=1))
    tracker = Tracker(BothFeatures(make_spec(deep=part)))
    sight, centers, learned = tracker._deep, dict[int, tuple[float, float]](), list[tuple[float, float]]()
    assert sight is not None
    respond = sight.respond

    def responds(image: np.ndarray, center: tuple[float, float], *args: Any, **more: Any) -> Look:
        look = respond(image, center, *args, **more)
        centers[id(look.seen)] = center
        return look

    def learns(look: Look, at: tuple[float, float], *_: Any) -> None:
        x, y = centers[id(look.seen)]
        learned.append((x + at[0], y + at[1]))

    monkeypatch.setattr(sight, "respond", responds)
    monkeypatch.setattr(sight, "learn", learns)
    monkeypatch.setattr(tracker, "_is_better", lambda *_: goes)
    tracker.init(moving_square.frame(0), moving_square.box(0))
    monkeypatch.setattr(tracker._watch, "_weak", 1_000_000)  # searching, until the answer is judged
    monkeypatch.setattr(tracker._watch, "judge", lambda *_: setattr(tracker._watch, "_weak", 0) or True)
    box = tracker.update(moving_square.frame(1)).box
    assert len(centers) == 2
    assert learned == [pytest.approx(box.center)]


def test_beside_a_deep_part_no_scale_rests(moving_square: MovingSquare, monkeypatch: pytest.MonkeyPatch) -> None:
    tracker = Tracker(BothFeatures(make_spec(deep=PART)))
    views, looked = tracker._views, list[int]()

    def told(shape: tuple[int, ...]) -> list[View]:
        found = views(shape)
        looked.append(len(found))
        return found

    monkeypatch.setattr(tracker, "_views", told)
    monkeypatch.setattr(tracker, "_is_better", lambda *_: False)
    tracker.init(moving_square.frame(0), moving_square.box(0))
    for _ in range(3):
        tracker.update(moving_square.frame(0))
    assert looked == [2, 2, 2]


class WithHead(BothFeatures):
    """A box head besides, which sees the target in one cell, as large as it was."""

    sure_at = (8, 8)

    def template(self, _patch: np.ndarray) -> np.ndarray:
        return np.zeros((1, 4, 4), np.float32)

    def deep_and_boxes(self, patch: np.ndarray, _template: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        says = np.full((6, *PART.grid), 8, np.float32)
        says[0], says[1] = 4, -4
        row, column = self.sure_at
        says[:2, row, column] = -4, 4
        return self.deep(patch), says

    def together(self, fine: np.ndarray, deep: np.ndarray, template: np.ndarray | None = None) -> Seen:
        return Seen(self(fine), *self.deep_and_boxes(deep, template))


@pytest.mark.parametrize(("sure_at", "least", "most"), [((8, 8), 0.9, 1.0), ((10, 8), 0.2, 0.8), ((2, 14), 0.0, 0.0)])
def test_the_watch_is_told_how_far_the_head_agrees(
    moving_square: MovingSquare,
    monkeypatch: pytest.MonkeyPatch,
    sure_at: tuple[int, int],
    least: float,
    most: float,
) -> None:
    told: list[Belief] = []
    monkeypatch.setattr(Watch, "judge", lambda _watch, belief, _outside: told.append(belief) or True)
    monkeypatch.setattr(score, "probability", lambda *_: 0.5)  # the surer do not ask
    head = HeadPart((64, 64), (8, 8), HeadSettings(center_rate=0.0), PART.weights)
    features = WithHead(make_spec(deep=replace(PART, head=head)))
    tracker, still = Tracker(features), moving_square.frame(0)
    tracker.init(still, moving_square.box(0))
    features.sure_at = sure_at
    tracker.update(still)
    assert least <= told[0].agreement <= most


@pytest.mark.parametrize(
    ("weights", "kind"),
    [(None, "deepcd+deep"), ("nanotrack_head.onnx", "deepcd+head"), ("bundled", "deepcd+cdedge_head")],
)
def test_each_head_has_a_calibration_of_its_own(weights: str | None, kind: str) -> None:
    head = weights and HeadPart((64, 64), (8, 8), HeadSettings(), WeightsInfo(weights, "ab" * 32, "Apache-2.0"))
    part = replace(PART, head=head)
    assert DeepSight(WithHead(make_spec(deep=part)), part).kind == kind


@pytest.mark.parametrize(("moved_cells", "least", "most"), [(0, 0.95, 1.0), (3, 0.4, 0.8), (16, 0.0, 0.0)])
def test_without_a_head_the_watch_is_told_how_far_the_fine_filter_agrees(
    moving_square: MovingSquare, monkeypatch: pytest.MonkeyPatch, moved_cells: int, least: float, most: float
) -> None:
    told: list[Belief] = []
    monkeypatch.setattr(Watch, "judge", lambda _watch, belief, _outside: told.append(belief) or True)
    monkeypatch.setattr(score, "probability", lambda *_: 0.5)  # the surer do not ask
    part = replace(PART, settings=replace(PART.settings, share=1.0))  # so that the deep filter alone says where
    tracker = Tracker(BothFeatures(make_spec(deep=part)))
    tracker.init(moving_square.frame(0), moving_square.box(0))
    alone = CompactFilter.respond
    fine = tracker._dft
    monkeypatch.setattr(
        CompactFilter, "respond", lambda f, seen, dft: np.roll(alone(f, seen, dft), moved_cells * (dft is fine), 1)
    )
    tracker.update(moving_square.frame(0))
    assert least <= told[0].agreement <= most


def test_without_a_deep_look_nothing_disagrees(moving_square: MovingSquare, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Belief] = []
    monkeypatch.setattr(Watch, "judge", lambda _watch, belief, _outside: told.append(belief) or True)
    monkeypatch.setattr(score, "probability", lambda *_: 0.5)  # the surer do not ask
    tracker = Tracker(BothFeatures(make_spec(deep=replace(PART, settings=replace(PART.settings, every=2)))))
    tracker.init(moving_square.frame(0), moving_square.box(0))
    tracker.update(moving_square.frame(1))
    assert told[0].agreement == 1.0


def test_only_a_frame_that_is_looked_at_can_be_learned() -> None:
    with pytest.raises(BadValue, match="divides update_every, 4"):
        DeepSettings(every=3)


def test_a_box_head_looks_at_every_frame() -> None:
    head = HeadPart((64, 64), (8, 8), HeadSettings(), PART.weights)
    metadata = to_metadata(make_spec(deep=replace(PART, head=head, settings=DeepSettings(every=2))))
    with pytest.raises(BadModel, match=r"deep\.every is 1 beside it, not 2"):
        from_metadata(metadata)


def test_a_file_without_a_deep_part_says_nothing_of_it() -> None:
    assert "cdedge.deep" not in to_metadata(make_spec())
    spec = make_spec(deep=PART)
    assert from_metadata(to_metadata(spec)) == spec


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"grid": [0, 16]}, "grid"),
        ({"taps": [{"name": "a", "kept": [3], "total": 3}]}, "does not have"),
        ({"weight_bytes": -1}, "less than none"),
        ({"weight_bytes": 1 << 40}, "more weights than the file"),
    ],
)
def test_a_damaged_deep_part_is_refused(change: dict[str, object], message: str) -> None:
    metadata = to_metadata(make_spec(deep=PART))
    damaged = {**json.loads(metadata["cdedge.deep"]), **change}
    with pytest.raises(BadModel, match=message):
        from_metadata({**metadata, "cdedge.deep": json.dumps(damaged)})


def test_its_precision_is_said_where_it_is_another() -> None:
    plain, half = (to_metadata(make_spec(deep=replace(PART, precision=p))) for p in ("fp32", "fp16"))
    assert "precision" not in json.loads(plain["cdedge.deep"])  # as before there were others
    assert json.loads(half["cdedge.deep"])["precision"] == "fp16"
    for precision, metadata in (("fp32", plain), ("fp16", half)):
        read = from_metadata(metadata)
        assert read.deep is not None
        assert (read.precision, read.deep.precision) == ("fp32", precision)


def test_a_file_without_a_deep_part_cannot_look_deep(tiny_model: Path) -> None:
    with pytest.raises(BadModel, match="no deep part"):
        Extractor(tiny_model, threads=1).deep(np.zeros((64, 64, 3), np.uint8))


def test_features_without_a_deep_part_do_not_fit_a_contract_with_one() -> None:
    class Shallow:
        spec, provider, threads = make_spec(deep=PART), "none", 1

        def __call__(self, _patch: np.ndarray) -> np.ndarray:
            return np.zeros((6, 32, 32), np.float32)

    with pytest.raises(BadModel, match="deep part"):
        Tracker(Shallow())
