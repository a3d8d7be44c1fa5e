"""How much a target has grown by optical flow, and which other scales are looked at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from cdedge_runtime import Box
from cdedge_runtime.measure.predict import predict
from cdedge_runtime.patch import Image
from cdedge_runtime.record import decode, encode
from cdedge_runtime.trackers.deepcd.growth import Growth, agreed
from cdedge_runtime.trackers.deepcd.scales import Kind, Scales
from cdedge_runtime.trackers.deepcd.settings import PROFILES, Settings
from cdedge_runtime.trackers.deepcd.tracker import Tracker
from tests.conftest import MovingSquare, make_spec, tiny_model_bytes

BOX = Box(80, 60, 48, 32)


def texture(seed: int = 0) -> Image:
    noise = np.random.default_rng(seed).integers(0, 255, (160, 200, 3), np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 2.5), np.uint8)


def changed(image: Image, zoom: float = 1.0, move: tuple[float, float] = (0.0, 0.0), turn: float = 0.0) -> Image:
    """Zoomed and turned about the box's center, and moved."""
    about = cv2.getRotationMatrix2D((BOX.center[0] - 0.5, BOX.center[1] - 0.5), turn, zoom)
    about[:, 2] += move
    return np.asarray(cv2.warpAffine(image, about, (200, 160), borderMode=cv2.BORDER_REFLECT), np.uint8)


@pytest.mark.parametrize("zoom", [0.88, 0.96, 1.0, 1.03, 1.1])
@pytest.mark.parametrize(("move", "turn"), [((0, 0), 0), ((4, -3), 0), ((2, 1), 5)])
def test_it_says_how_many_times_as_large(zoom: float, move: tuple[float, float], turn: float) -> None:
    assert Growth(texture(), BOX).since(changed(texture(), zoom, move, turn)) == pytest.approx(zoom, abs=0.02)


@pytest.mark.parametrize(("gain", "more"), [(1.0, 40), (1.0, -30), (0.5, 60), (1.3, 0)])
def test_brighter_is_not_larger(gain: float, more: float) -> None:
    lit = np.clip(gain * changed(texture(), 1.05) + more, 0, 255).astype(np.uint8)
    assert Growth(texture(), BOX).since(lit) == pytest.approx(1.05, abs=0.02)


@pytest.mark.parametrize(
    "after", [np.zeros((160, 200, 3), np.uint8), texture(1), changed(texture(), 1.4)], ids=["black", "else", "too much"]
)
def test_it_says_1_of_what_cannot_be_followed(after: Image) -> None:
    assert Growth(texture(), BOX).since(after) == pytest.approx(1, abs=0.003)


def test_points_without_a_pattern_say_nothing() -> None:
    image = texture()
    image[:, 100:] = 90  # most of the target
    assert Growth(image, BOX).since(changed(image, 1.1)) == pytest.approx(1.1, abs=0.02)


def test_it_says_1_of_a_target_without_a_pattern() -> None:
    flat = np.full((160, 200, 3), 90, np.uint8)
    assert Growth(flat, BOX).since(changed(texture(), 1.1)) == 1


def test_it_says_1_of_a_target_of_a_few_pixels() -> None:
    small = cv2.resize(texture(), None, fx=0.2, fy=0.2, interpolation=cv2.INTER_AREA)
    larger = cv2.resize(changed(texture(), 1.1), None, fx=0.2, fy=0.2, interpolation=cv2.INTER_AREA)
    assert Growth(small, Box(16, 12, 9.6, 6.4)).since(larger) == 1


@pytest.mark.parametrize("box", [Box(-30, -20, 48, 32), Box(190, 150, 48, 32), Box(80, 60, 2, 2), Box(0, 0, 200, 160)])
def test_no_box_is_refused(box: Box) -> None:
    assert 0.86 < Growth(texture(), box).since(texture(1)) < 1.17


def test_growth_is_the_median_the_less_of_it_the_more_pairs_differ() -> None:
    def of(*ratios: float) -> float:
        return agreed(np.repeat(np.array(ratios, np.float32), 10))

    assert of(1.1, 1.1, 1.1) == pytest.approx(1.1)
    assert of(1.1, 1.1, 1.1, 0.01, 7.0) == pytest.approx(1.1)  # what only some say does not count
    assert of(0.99, 1.0, 1.0, 1.01) == 1
    step = np.log(1.1)
    assert of(1.0, 1.1, 1.21) == pytest.approx(np.exp(step / 2))  # as far from it as it is from 1: half
    assert of(1 / 1.1, 1 / 1.1, 1 / 1.1) == pytest.approx(1 / 1.1)
    assert of(1.2, 1.2, 1.2) == 1  # too much
    assert agreed(np.full(27, 1.1, np.float32)) == 1  # fewer than the pairs of eight points


# --- in the tracker


def opened(folder: Path, share: float, scale: Kind = "alternate") -> Tracker:
    path = folder / f"{share}-{scale}.onnx"
    path.write_bytes(tiny_model_bytes(make_spec(settings=Settings(flow_share=share, scale=scale))))
    return Tracker(path, threads=1)


def test_a_target_that_comes_near_fast_is_followed(tmp_path: Path) -> None:
    zoom, frames = 1.05, 12
    said = dict[float, float]()
    for share in (0.0, 1.0):
        tracker = opened(tmp_path, share)
        tracker.init(texture(), BOX)
        for index in range(1, frames + 1):
            box = tracker.update(changed(texture(), zoom**index)).box
        said[share] = box.width / BOX.width
    assert said[0.0] < 1.5 < 0.9 * zoom**frames < said[1.0] < 1.05 * zoom**frames  # enlarged, it blurs


def test_a_share_is_a_power(tmp_path: Path, moving_square: MovingSquare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Growth, "since", lambda *_: 1.1)
    tracker = opened(tmp_path, 0.5, "none")
    tracker.init(moving_square.frame(0), moving_square.box(0))
    for index in (1, 2):
        box = tracker.update(moving_square.frame(index)).box
    assert box.width / 24 == pytest.approx(1.1)


def test_what_is_looked_for_has_no_growth(
    tmp_path: Path, moving_square: MovingSquare, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = opened(tmp_path, 1.0, "none")
    tracker.init(moving_square.frame(0), moving_square.box(0))
    monkeypatch.setattr(Growth, "since", lambda *_: 1.1)
    monkeypatch.setattr(type(tracker._watch), "searching", True)
    assert tracker.update(moving_square.frame(1)).box.width == 24


def test_restarted_it_remembers_the_new_target(tmp_path: Path) -> None:
    tracker = opened(tmp_path, 1.0, "none")
    tracker.init(texture(1), Box(20, 20, 30, 30))
    tracker.init(texture(), BOX)
    assert tracker.update(changed(texture(), 1.05)).box.width / BOX.width == pytest.approx(1.05, abs=0.02)


def test_it_is_counted(tmp_path: Path, moving_square: MovingSquare) -> None:
    trackers = [opened(tmp_path, share) for share in (0.0, 1.0)]
    for tracker in trackers:
        tracker.init(moving_square.frame(0), moving_square.box(0))
    without, with_it = (tracker.sizes().filter_state_bytes for tracker in trackers)
    said = [predict(tracker.spec, None, nodes=7) for tracker in trackers]
    assert with_it - without == said[1].filter_bytes - said[0].filter_bytes == 4 * 48 * 48
    assert said[1].code_bytes - said[0].code_bytes == 1_500_000


def test_files_from_before_look_for_none() -> None:
    without = encode(Settings(), brief=True)
    assert "flow_share" not in without
    assert decode(Settings, without) == replace(PROFILES["robust"], flow_share=0.0)


def test_all_profiles_but_the_fast_one_look_for_it() -> None:
    assert {name: settings.flow_share for name, settings in PROFILES.items()} == {
        "fast": 0.0,
        "accurate": 1.0,
        "robust": 1.0,
    }


# --- the other scales


def looked(kind: Kind, betters: str, *, beside_deep: bool = False) -> list[tuple[float, ...]]:
    """The factors of each frame, in steps; ``betters``: whether what was looked at was better (+ or -)."""
    scales, told, seen = Scales(kind, 1.02, beside_deep=beside_deep), iter(betters), list[tuple[float, ...]]()
    for _ in range(len(betters)):
        factors = scales.factors()
        seen.append(tuple(float(round(np.log(f) / np.log(1.02), 6)) for f in factors))
        if factors:
            scales.heed(better=next(told) == "+")
    return seen


def test_the_other_direction_is_next_after_a_rest() -> None:
    assert looked("alternate", "-----") == [(1.0,), (), (-1.0,), (), (1.0,)]
    assert looked("alternate", "---", beside_deep=True) == [(1.0,), (-1.0,), (1.0,)]


def test_it_strides_out_from_the_third_in_a_row() -> None:
    assert looked("alternate", "++++++-+") == [(1.0,), (1.0,), (1.5,), (2.25,), (3.0,), (3.0,), (3.0,), ()]
    assert looked("alternate", "-+++") == [(1.0,), (), (-1.0,), (-1.0,)]
    assert looked("alternate", "+++", beside_deep=True) == [(1.0,)] * 3


def test_a_pyramid_looks_at_both_neighbours_always_and_none_at_none() -> None:
    assert looked("pyramid", "-+-") == [(-1.0, 1.0)] * 3
    assert looked("none", "--") == [(), ()]
