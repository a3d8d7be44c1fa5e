"""A generic file: the first frame keeps the channels that its target needs, and the tracker is one of these alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cdedge_runtime import Box, open_targets, open_tracker
from cdedge_runtime.errors import BadModel, BadValue
from cdedge_runtime.estimate import Features, Seen
from cdedge_runtime.filter import compact
from cdedge_runtime.filter.channels import best, diverse, scene_of, taken
from cdedge_runtime.filter.fourier import hann_window
from cdedge_runtime.kinds import find_kind
from cdedge_runtime.model.contract import DeepPart, ModelSpec, Tap
from cdedge_runtime.model.deep_settings import DeepSettings
from cdedge_runtime.model.metadata import from_metadata, to_metadata
from cdedge_runtime.model.session import Extractor
from cdedge_runtime.trackers.deepcd.settings import Settings
from cdedge_runtime.trackers.deepcd.tracker import Tracker
from tests.conftest import CHANNELS, MovingSquare, make_spec, tiny_model_bytes

GRID, TARGET = (32, 32), (8.0, 6.0)
KEEP = 2.0


@pytest.fixture
def generic(tmp_path: Path) -> Path:
    """The tiny model, of whose channels the first frame keeps two."""
    path = tmp_path / "generic.onnx"
    path.write_bytes(tiny_model_bytes(make_spec(settings=Settings(keep=KEEP))))
    return path


class Narrowed:
    """Features of which only some channels are ever seen, under a contract that has no others."""

    provider, threads = "CPU", 1

    def __init__(self, features: Features, taps: tuple[Tap, ...]) -> None:
        (every,), (some,) = features.spec.taps, taps
        self._features, self._rows = features, [every.kept.index(c) for c in some.kept]
        self.spec = replace(features.spec, taps=taps, settings=replace(features.spec.settings, keep=1.0))

    def __call__(self, patch: np.ndarray) -> np.ndarray:
        return self._features(patch)[self._rows]


def followed(tracker: Tracker, clip: MovingSquare, start: Box | None = None) -> list[tuple[float, ...]]:
    tracker.init(clip.frame(0), start or clip.box(0))
    return [tracker.update(clip.frame(index)).box.xywh for index in range(1, clip.count)]


def test_it_follows_as_the_tracker_of_the_kept_channels_alone(generic: Path, moving_square: MovingSquare) -> None:
    tracker = Tracker(generic, threads=1)
    boxes = followed(tracker, moving_square)
    alone = Tracker(Narrowed(Extractor(generic, threads=1), tracker.taps))
    assert followed(alone, moving_square) == boxes
    assert len(tracker.taps[0].kept) == KEEP < CHANNELS
    assert Box(*boxes[-1]).iou(moving_square.box(11)) > 0.5


def test_restarted_it_is_a_new_tracker(generic: Path, moving_square: MovingSquare) -> None:
    elsewhere, used, fresh = Box(120, 20, 30, 14), Tracker(generic, threads=1), Tracker(generic, threads=1)
    followed(used, moving_square)
    assert followed(used, moving_square, elsewhere) == followed(fresh, moving_square, elsewhere)
    assert used.taps == fresh.taps


@pytest.mark.parametrize("workers", [1, 2])
def test_each_target_keeps_its_own(generic: Path, moving_square: MovingSquare, workers: int) -> None:
    starts = {1: moving_square.box(0), 2: Box(120, 20, 30, 14), 3: Box(20, 110, 12, 30)}
    alone = {number: followed(Tracker(generic, threads=1), moving_square, box) for number, box in starts.items()}
    with open_targets(generic, threads=1, workers=workers) as targets:
        for number, box in starts.items():
            targets.start(number, moving_square.frame(0), box)
        found = [targets.update(moving_square.frame(index)) for index in range(1, moving_square.count)]
    assert {number: [f[number].box.xywh for f in found] for number in starts} == alone


def test_a_flat_frame_can_be_started_on(generic: Path) -> None:
    tracker = Tracker(generic, threads=1)
    tracker.init(np.full((100, 100, 3), 90, np.uint8), Box(40, 40, 20, 20))
    assert len(tracker.taps[0].kept) == KEEP


def test_its_sizes_are_those_of_what_is_there(generic: Path, tiny_model: Path, moving_square: MovingSquare) -> None:
    few, every = Tracker(generic, threads=1), Tracker(tiny_model, threads=1)
    for tracker in (few, every):
        tracker.init(moving_square.frame(0), moving_square.box(0))
    assert few.sizes().filter_state_bytes * CHANNELS == every.sizes().filter_state_bytes * KEEP
    memory = find_kind("deepcd").memory
    assert memory is not None
    found, whole = memory(few.spec), memory(every.spec)
    assert found.samples_bytes * CHANNELS == whole.samples_bytes * KEEP
    assert found.features_bytes == whole.features_bytes * (CHANNELS + KEEP) / CHANNELS


def toy_maps(count: int) -> np.ndarray:
    """(count, 32, 32): sharp, made of a few blots, so that they differ in worth; the last is flat."""
    rng = np.random.default_rng(4)
    maps = np.abs(rng.standard_normal((count, *GRID))) ** np.linspace(1, 6, count)[:, None, None]
    maps[-1] = 3.0
    return np.asarray(maps, np.float32)


def problem() -> compact.Problem:
    return compact.problem_on(GRID, (12, 9), 0.6, Settings())


def test_it_is_the_desks_order_on_one_frame_that_stands_still() -> None:
    maps, where = toy_maps(10), scene_of(problem(), TARGET, 0.5)
    _, order = diverse(compact.prepared(np.stack([maps, maps]), 0.5), where)
    assert best({"a": maps}, 4, where).tolist() == sorted(order[:4])
    assert best({"a": maps}, 0.4, where).tolist() == sorted(order[:4])


def test_a_share_is_of_each_tap_and_a_count_of_all() -> None:
    maps, where = toy_maps(12), scene_of(problem(), TARGET, 0.5)
    taps = {"a": maps[:8], "b": 100 * maps[8:]}
    shared, counted = best(taps, 0.5, where), best(taps, 6, where)
    assert [(shared < 8).sum(), (shared >= 8).sum()] == [4, 2]
    assert len(counted) == 6
    assert 11 not in counted  # it is flat


def test_how_loud_a_tap_is_does_not_matter() -> None:
    maps, where = toy_maps(12), scene_of(problem(), TARGET, 0.5)
    one, other = ({"a": maps[:8], "b": loud * maps[8:]} for loud in (1, 1000))
    assert best(one, 5, where).tolist() == best(other, 5, where).tolist()


def test_a_channel_that_sees_the_target_everywhere_comes_after_one_that_sees_it_once() -> None:
    rng, where = np.random.default_rng(1), scene_of(problem(), TARGET, 0.5)
    once = np.abs(rng.standard_normal(GRID)).astype(np.float32)
    everywhere = np.tile(once[12:20, 12:20], (4, 4))
    assert best({"a": np.stack([everywhere * (0.5 + hann_window(GRID)), once])}, 0.5, where).tolist() == [1]


def test_the_best_share_of_each_layer_is_taken_in_joint_order() -> None:
    order = [7, 0, 5, 3, 6, 1, 2, 4]
    assert taken(order, [slice(0, 4), slice(4, 8)], [0.5, 0.25]) == [7, 0, 3]


def test_a_file_that_keeps_all_says_nothing_of_it() -> None:
    plain, generic = to_metadata(make_spec()), to_metadata(make_spec(settings=Settings(keep=0.5)))
    assert "keep" not in json.loads(plain["cdedge.settings"])
    assert json.loads(generic["cdedge.settings"])["keep"] == 0.5
    assert from_metadata(plain).settings.keep == 1.0
    assert from_metadata(generic).settings.keep == 0.5
    assert {k: v for k, v in plain.items() if generic[k] != v}.keys() == {"cdedge.settings"}


@pytest.mark.parametrize("record", [Settings, DeepSettings])
@pytest.mark.parametrize("value", [0.0, -1.0, 1.5, 5000.0])
def test_what_cannot_be_kept_is_refused(record: type[Settings] | type[DeepSettings], value: float) -> None:
    with pytest.raises(BadValue, match="keep"):
        record(keep=value)


def test_a_file_with_more_channels_than_can_be_compared_is_refused() -> None:
    taps = (Tap("11", tuple(range(5000)), 5000),)
    with pytest.raises(BadModel, match="keep 2500"):
        from_metadata(to_metadata(make_spec(taps=taps, settings=Settings(keep=0.5))))
    whole = make_spec(taps=taps, grid=(8, 8), settings=Settings(keep=1.0))
    assert from_metadata(to_metadata(whole)).filter_channels == 5000


def test_more_than_there_are_is_all() -> None:
    assert make_spec(settings=Settings(keep=CHANNELS + 1.0)).filter_channels == CHANNELS


def deep_part(spec: ModelSpec, keep: float) -> DeepPart:
    taps = (Tap("last", tuple(range(6)), 6),)
    settings = DeepSettings(keep=keep)
    return DeepPart("toy", taps, (128, 128), (16, 16), spec.convention, settings, spec.weights)


class WithDeep:
    """The tiny model's features, and deep ones: coarse maps of single pixels of the window."""

    provider, threads = "CPU", 1

    def __init__(self, model: Path, keep: float) -> None:
        self._features = Extractor(model, threads=1)
        self.spec = replace(self._features.spec, deep=deep_part(self._features.spec, keep))

    def __call__(self, patch: np.ndarray) -> np.ndarray:
        return self._features(patch)

    def deep(self, patch: np.ndarray) -> np.ndarray:
        seen = np.concatenate([patch[4::8, 4::8], patch[2::8, 5::8]], axis=-1).transpose(2, 0, 1)
        return np.asarray(seen, np.float32) - 128

    def together(self, fine: np.ndarray, deep: np.ndarray, _template: np.ndarray | None = None) -> Seen:
        return Seen(self(fine), self.deep(deep), np.zeros((6, 16, 16), np.float32))


def test_the_deep_part_keeps_its_own(tiny_model: Path, moving_square: MovingSquare) -> None:
    few, every = Tracker(WithDeep(tiny_model, 0.5)), Tracker(WithDeep(tiny_model, 1.0))
    boxes = followed(few, moving_square)
    followed(every, moving_square)
    assert Box(*boxes[-1]).iou(moving_square.box(11)) > 0.5
    shallow = Tracker(tiny_model, threads=1)
    shallow.init(moving_square.frame(0), moving_square.box(0))
    states = [tracker.sizes().filter_state_bytes - shallow.sizes().filter_state_bytes for tracker in (few, every)]
    assert 2 * states[0] == states[1]


def test_restarted_the_deep_part_chooses_again(tiny_model: Path, moving_square: MovingSquare) -> None:
    used, fresh = Tracker(WithDeep(tiny_model, 0.5)), Tracker(WithDeep(tiny_model, 0.5))
    used.init(moving_square.frame(0), moving_square.box(0))
    before, elsewhere = used._deep._kept.tolist(), Box(120, 20, 30, 14)
    for tracker in (used, fresh):
        tracker.init(moving_square.frame(0), elsewhere)
    assert before != used._deep._kept.tolist() == fresh._deep._kept.tolist()


def test_open_tracker_takes_it(generic: Path, moving_square: MovingSquare) -> None:
    tracker = open_tracker(generic, threads=1)
    assert isinstance(tracker, Tracker)
    assert tracker.taps == tracker.spec.taps
    tracker.init(moving_square.frame(0), moving_square.box(0))
    assert set(tracker.taps[0].kept) < set(tracker.spec.taps[0].kept)
