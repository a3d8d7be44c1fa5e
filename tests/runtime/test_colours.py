"""Where the target's colours are, and what they decide."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cdedge_runtime import Box
from cdedge_runtime.filter.compact import CompactFilter
from cdedge_runtime.measure.predict import predict
from cdedge_runtime.patch import Image
from cdedge_runtime.record import decode, encode
from cdedge_runtime.trackers import score
from cdedge_runtime.trackers.deepcd.colours import Colours, box_means, colours
from cdedge_runtime.trackers.deepcd.settings import PROFILES, Settings
from cdedge_runtime.trackers.deepcd.tracker import Tracker
from cdedge_runtime.trackers.deepcd.watch import Belief, Watch
from tests.conftest import MovingSquare, make_spec, tiny_model_bytes

GRID, REST, SIDES = (24, 24), (8.0, 9.0), (12.0, 8.0)
RED, GREEN, BLUE = (10, 20, 240), (30, 200, 40), (250, 10, 10)


def scene(center: tuple[int, int] = (24, 24), target: tuple[int, int, int] = RED, ground: int = 0) -> Image:
    """A target of 12 x 8 pixels in a window of 48 x 48, two pixels a cell, on a ground of greens."""
    image = np.full((48, 48, 3), GREEN, np.uint8)
    image[..., 1] += np.uint8(ground)
    x, y = center
    image[y - 6 : y + 6, x - 4 : x + 4] = target
    return image


@pytest.fixture
def known() -> Colours:
    return Colours(scene(), SIDES, GRID, REST)


def place_of(response: np.ndarray) -> tuple[int, ...]:
    return tuple(int(at) for at in np.unravel_index(response.argmax(), response.shape))


def test_a_colour_is_the_upper_four_bits_of_each_channel() -> None:
    image = np.array([[[0x1F, 0x2A, 0x3C], [0xFF, 0xFF, 0xFF], [0, 0, 0x0F]]], np.uint8)
    assert colours(image).tolist() == [[0x123, 0xFFF, 0]]


def test_a_mean_counts_parts_of_pixels_and_nothing_outside() -> None:
    rows = box_means(8, 3.0, 4, 1.0)
    assert rows[1] == pytest.approx(np.array([0, 0, 0.5, 1, 1, 0.5, 0, 0]) / 3)  # around the middle, where it rests
    assert rows[2] == pytest.approx(np.array([0, 0, 0, 0, 0.5, 1, 1, 0.5]) / 3)  # one cell on: two pixels
    assert rows[3].sum() == pytest.approx(1.5 / 3)  # half of it is outside


@pytest.mark.parametrize("cells", [(0, 0), (3, -2), (-4, 5)])
def test_it_answers_where_the_colours_went(known: Colours, cells: tuple[int, int]) -> None:
    down, across = cells
    response = known.response(scene((24 + 2 * across, 24 + 2 * down)))
    assert response.shape == GRID
    assert response.dtype == np.float32
    assert place_of(response) == (REST[0] + down, REST[1] + across)
    assert response.max() == pytest.approx(1, abs=0.01)
    assert response.min() == pytest.approx(0, abs=0.01)


def test_a_colour_that_both_have_and_one_that_neither_has_say_nothing(known: Colours) -> None:
    same = Colours(np.full((48, 48, 3), GREEN, np.uint8), SIDES, GRID, REST)
    assert same.response(scene(target=GREEN))[8, 9] == pytest.approx(0.5)
    assert known.response(np.full((48, 48, 3), BLUE, np.uint8))[8, 9] == pytest.approx(0.5)


def test_a_new_colour_is_learned_at_the_place_of_the_target_frame_by_frame(known: Colours) -> None:
    again = Colours(scene(), SIDES, GRID, REST)
    moved = scene((30, 20), BLUE)
    before = known.response(moved)
    known.learn(moved, (30, 20), SIDES, 8)
    again.learn(moved, (30, 20), SIDES, 4)
    again.learn(moved, (30, 20), SIDES, 4)
    assert place_of(known.response(moved)) == (REST[0] - 2, REST[1] + 3)
    assert known.response(moved).max() > 0.99 > 0.6 > before.max()
    np.testing.assert_allclose(known.response(moved), again.response(moved), atol=1e-6)


@pytest.mark.parametrize(("frames", "share"), [(1, 0.04), (4, 1 - 0.96**4)])
def test_a_frame_weighs_a_twenty_fifth(known: Colours, frames: int, share: float) -> None:
    ground = scene(target=GREEN)
    known.learn(ground, (24, 24), SIDES, frames)
    assert known.response(ground)[8, 9] == pytest.approx(share / (share + 1), rel=0.01)


def test_in_a_window_that_is_no_square_the_target_is_in_the_middle() -> None:
    image = np.full((48, 96, 3), GREEN, np.uint8)
    image[18:30, 44:52] = RED
    response = Colours(image, SIDES, (24, 48), (8.0, 9.0)).response(image)
    assert place_of(response) == (8, 9)
    assert response.max() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("sides", [(0.2, 0.2), (48.0, 48.0), (300.0, 2.0)])
def test_any_box_gives_probabilities(sides: tuple[float, float]) -> None:
    seen = Colours(scene(), sides, GRID, REST)
    seen.learn(scene(ground=20), (-5.0, 60.0), sides, 4)
    response = seen.response(scene(ground=40))
    assert ((response >= 0) & (response <= 1 + 1e-5)).all()


# --- in the tracker


def opened(folder: Path, share: float) -> Tracker:
    path = folder / f"{share}.onnx"
    path.write_bytes(tiny_model_bytes(make_spec(settings=Settings(colour_share=share))))
    return Tracker(path, threads=1)


def test_they_are_learned_where_the_target_went_for_all_frames_since(
    tmp_path: Path, moving_square: MovingSquare, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = list[tuple[object, ...]]()
    monkeypatch.setattr(Colours, "learn", lambda _, *words: told.append(words))
    tracker = opened(tmp_path, 0.25)
    tracker.init(moving_square.frame(0), moving_square.box(0))
    for index in range(1, 5):
        assert not told
        before = tracker.box.center
        box = tracker.update(moving_square.frame(index)).box
    ((_, center, sides, frames),) = told
    zoom = 64 / (4.5 * math.sqrt(24 * 20))  # window pixels for one of the frame
    moved = [32 + (now - then) * zoom for now, then in zip(box.center, before, strict=True)]
    assert frames == tracker.spec.settings.update_every == 4
    assert center == pytest.approx(moved, abs=0.25)  # the window was cut where the target had been
    assert sides == pytest.approx((box.height * zoom, box.width * zoom), rel=0.05)  # give or take two steps of scale


def test_colours_alone_follow_a_target_whose_pattern_tells_nothing(tmp_path: Path) -> None:
    tracker, box = opened(tmp_path, 1.0), Box(20, 18, 8, 12)
    tracker.init(scene(), box)
    for step in range(1, 5):
        said = tracker.update(scene((24 + step, 24 - step)))
    assert said.box.iou(Box(24, 14, 8, 12)) > 0.8


def test_they_move_the_box_and_neither_its_size_nor_what_is_believed(
    tmp_path: Path, moving_square: MovingSquare
) -> None:
    without, with_them = (opened(tmp_path, share) for share in (0.0, 0.5))
    for tracker in (without, with_them):
        tracker.init(moving_square.frame(0), moving_square.box(0))
    one, other = (tracker.update(moving_square.frame(1)) for tracker in (without, with_them))
    assert one.psr == other.psr
    assert (one.box.width, one.box.height) == (other.box.width, other.box.height)
    assert one.box != other.box


def test_the_two_are_shares_of_one(
    tmp_path: Path, moving_square: MovingSquare, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = opened(tmp_path, 0.25)
    tracker.init(moving_square.frame(0), moving_square.box(0))
    monkeypatch.setattr(Colours, "response", lambda *_: np.full((32, 32), 0.4, np.float32))
    assert tracker._with_colours(np.full((32, 32), 0.8, np.float32)) == pytest.approx(0.75 * 0.8 + 0.25 * 0.4)


@pytest.mark.parametrize(
    ("share", "moved_cells", "probability", "least", "most"),
    [(1.0, 0, 0.69, 0.8, 1.0), (1.0, 12, 0.69, 0.0, 0.0), (1.0, 12, 0.7, 1.0, 1.0), (0.0, 12, 0.69, 1.0, 1.0)],
    ids=["at one", "apart", "too sure to ask", "no colours"],
)
def test_the_watch_is_told_how_far_the_filter_alone_agrees(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    share: float,
    moved_cells: int,
    probability: float,
    least: float,
    most: float,
) -> None:
    tracker, alone, told = opened(tmp_path, share), CompactFilter.respond, list[Belief]()
    tracker.init(scene(), Box(20, 18, 8, 12))
    monkeypatch.setattr(Watch, "judge", lambda _watch, belief, _outside: told.append(belief) or True)
    monkeypatch.setattr(score, "probability", lambda *_: probability)
    monkeypatch.setattr(CompactFilter, "respond", lambda f, seen, dft: np.roll(alone(f, seen, dft), moved_cells, 1))
    tracker.update(scene())
    assert least <= told[0].agreement <= most


def test_they_are_counted(tmp_path: Path, moving_square: MovingSquare) -> None:
    trackers = [opened(tmp_path, share) for share in (0.0, 0.25)]
    for tracker in trackers:
        tracker.init(moving_square.frame(0), moving_square.box(0))
    without, with_them = (tracker.sizes().filter_state_bytes for tracker in trackers)
    assert with_them - without == 4 * (3 * 4096 + 2 * 32 * 64)
    said = [predict(tracker.spec, None, nodes=7).filter_bytes for tracker in trackers]
    assert said[1] - said[0] == with_them - without


def test_files_from_before_look_at_none() -> None:
    without = encode(Settings(), brief=True)
    assert "colour_share" not in without
    assert decode(Settings, without) == replace(PROFILES["fast"], colour_share=0.0)


def test_profiles_without_a_deep_part_look_at_them() -> None:
    assert {name: settings.colour_share for name, settings in PROFILES.items()} == {
        "fast": 0.25,
        "accurate": 0.25,
        "robust": 0.0,
    }
