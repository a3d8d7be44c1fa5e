"""A box head's answers: distances become boxes, habits are put right, and the target goes towards what is said."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from cdedge_runtime.estimate import Seen
from cdedge_runtime.model.contract import HeadPart, WeightsInfo
from cdedge_runtime.model.deep_settings import HeadSettings
from cdedge_runtime.trackers.deepcd.head import BoxHead, decoded, scale_and_aspect

PART = HeadPart((64, 64), (4, 4), HeadSettings(), WeightsInfo("none", "ab" * 32, "Apache-2.0"))
WINDOW = np.zeros((128, 128, 3), np.uint8)
SIDE_PX = 256.0  # two pixels of the frame for each of the window, so a cell of 16 is 32 px


def answer(
    distances: tuple[float, float, float, float] = (8, 8, 8, 8), sure_at: tuple[int, int] = (4, 4)
) -> np.ndarray:
    """Background everywhere but in one cell, whose box has these distances; so have all others."""
    found = np.zeros((6, 8, 8), np.float32)
    found[0], found[1] = 4, -4
    found[:2, sure_at[0], sure_at[1]] = -4, 4
    found[2:] = np.reshape(distances, (4, 1, 1))
    return found


@dataclass
class ToyHead:
    """Answers with what it is told."""

    says: np.ndarray = field(default_factory=answer)
    spec: object = None
    provider: str = "none"
    threads: int = 1

    def __call__(self, patch: np.ndarray) -> np.ndarray:
        return self.deep(patch)

    def deep(self, _patch: np.ndarray) -> np.ndarray:
        return np.zeros((5, 8, 8), np.float32)

    def template(self, patch: np.ndarray) -> np.ndarray:
        assert patch.shape == (64, 64, 3)
        return np.zeros((5, 4, 4), np.float32)

    def deep_and_boxes(self, patch: np.ndarray, template: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert template.shape == (5, 4, 4)
        return self.deep(patch), self.says

    def together(self, *_windows: np.ndarray) -> Seen:
        raise AssertionError("a head reads what it is given")


def begun(features: ToyHead, size: tuple[float, float], **settings: float) -> BoxHead:
    head = BoxHead(features, replace(PART, settings=replace(PART.settings, **settings)), (128, 128))
    head.begin(np.zeros((300, 300, 3), np.uint8), WINDOW, (150.0, 150.0), size, SIDE_PX)
    return head


def test_distances_become_boxes_in_pixels_of_the_frame() -> None:
    boxes = decoded(answer((4, 10, 12, 6)), 2.0, 16)
    assert boxes.box((4, 4)) == ((8.0, -4.0), (32.0, 32.0))
    assert boxes.box((3, 6)) == ((2 * 32 + 8.0, -32 - 4.0), (32.0, 32.0))
    assert boxes.score[4, 4] == pytest.approx(1 / (1 + np.exp(-8)))
    assert boxes.cell_px == 32.0


def test_the_best_box_of_all_is_so_after_the_penalty() -> None:
    boxes = decoded(answer((4, 10, 12, 6)), 2.0, 16)
    assert boxes.best == boxes.box((4, 4))
    penalized = np.zeros_like(boxes.score)
    penalized[3, 6] = 0.1
    assert replace(boxes, penalized=penalized).best == boxes.box((3, 6))


def test_a_box_has_a_size_whatever_is_said() -> None:
    assert decoded(answer((-9, -9, 3, 3)), 2.0, 16).box((4, 4))[1] == (4.0, 4.0)


def test_the_best_box_is_one_of_those_around() -> None:
    far = answer(sure_at=(7, 7))
    far[:2, 4, 5] = 0, 0.5
    boxes = decoded(far, 1.0, 16)
    assert boxes.near((0.0, 0.0)) == (4, 5)
    assert boxes.near((40.0, 44.0)) == (7, 7)


@pytest.mark.parametrize("size", [(32.0, 32.0), (26.0, 40.0), (40.0, 28.0)])
def test_what_it_said_of_the_first_frame_is_the_first_box(size: tuple[float, float]) -> None:
    features = ToyHead(answer((5, 9, 11, 7)))
    head = begun(features, size, size_rate=1, center_rate=1)
    said = head.read(features.says, SIDE_PX, size)
    center, found = head.fitted(said, (3.0, -2.0), size)
    assert center == pytest.approx((0.0, 0.0), abs=1e-4)
    assert found == pytest.approx(size, rel=1e-2)


def test_a_grown_box_grows_the_target_by_its_rate() -> None:
    features = ToyHead()
    head = begun(features, (32.0, 32.0), size_rate=0.25, penalty=0)
    features.says = answer((12, 8, 12, 8))
    said = head.read(features.says, SIDE_PX, (32.0, 32.0))
    _, (width, height) = head.fitted(said, (0.0, 0.0), (32.0, 32.0))
    assert (width, height) == pytest.approx((32 + 0.25 * 16, 32), rel=1e-2)


def test_a_changed_box_counts_less() -> None:
    features = ToyHead()
    head = begun(features, (32.0, 32.0))
    same = head.read(features.says, SIDE_PX, (32.0, 32.0))
    other = head.read(features.says, SIDE_PX, (48.0, 24.0))
    np.testing.assert_allclose(same.penalized, same.score, rtol=1e-5)
    assert (other.penalized < 0.95 * other.score).all()


def test_an_unsure_head_moves_nothing() -> None:
    features = ToyHead()
    head = begun(features, (32.0, 32.0))
    features.says = answer((20, 2, 0, 3))
    features.says[:2] = [[[6.0]], [[-6.0]]]
    said = head.read(features.says, SIDE_PX, (32.0, 32.0))
    center, size = head.fitted(said, (5.0, 6.0), (32.0, 32.0))
    assert center == (5.0, 6.0)
    assert size == pytest.approx((32.0, 32.0), abs=1e-2)


def test_scale_and_aspect_give_the_size_back() -> None:
    first, size = (20.0, 50.0), (33.0, 41.0)
    scale, aspect = scale_and_aspect(size, first)
    assert (first[0] * scale * aspect, first[1] * scale / aspect) == pytest.approx(size)
    assert scale_and_aspect(first, first) == (1.0, 1.0)
