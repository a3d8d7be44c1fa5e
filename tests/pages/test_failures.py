"""Which frames count as failures, and how they are shown."""

from __future__ import annotations

import base64
from pathlib import Path

import cv2
import numpy as np
import pytest

from cdedge.evaluation.metrics import get_convention
from cdedge.evaluation.result_files import Result, write_result
from cdedge.evaluation.results import evaluate_results
from cdedge.evaluation.sequence import Dataset, Sequence
from cdedge.pages.comparison import FailureFrame, TrackerOnPage, comparison_page, find_failures
from cdedge.pages.failures import URI_BYTES, failure_gallery, first_lost_frame, jpeg_uri
from cdedge_runtime.box import Box

from .trackers import make_evaluation

TRUTH = np.tile([10.0, 10.0, 20.0, 20.0], (30, 1))


def lost_between(first: int, last: int) -> np.ndarray:
    boxes = TRUTH.copy()
    boxes[first : last + 1, 0] = 80
    return boxes


def test_the_first_of_ten_lost_frames() -> None:
    assert first_lost_frame(TRUTH, TRUTH) is None
    assert first_lost_frame(lost_between(7, 15), TRUTH) is None
    assert first_lost_frame(lost_between(7, 16), TRUTH) == 7
    both = lost_between(2, 6)
    both[20:] = lost_between(20, 29)[20:]
    assert first_lost_frame(both, TRUTH) == 20


def test_frames_without_a_target_neither_count_nor_interrupt() -> None:
    truth = TRUTH.copy()
    truth[10:15] = np.nan
    assert first_lost_frame(lost_between(7, 20), truth) is None
    assert first_lost_frame(lost_between(7, 21), truth) == 7


def test_no_box_is_a_miss() -> None:
    boxes = TRUTH.copy()
    boxes[12:] = np.nan
    assert first_lost_frame(boxes, TRUTH) == 12


def make_dataset(folder: Path, names: tuple[str, ...]) -> Dataset:
    image = np.full((60, 100, 3), 90, np.uint8)
    path = folder / "frame.png"
    cv2.imwrite(str(path), image)
    return Dataset("folder", folder, tuple(Sequence(name, (path,) * len(TRUTH), TRUTH, 0) for name in names))


def test_trackers_take_turns_and_show_their_worst_first(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path, ("Fine", "Late", "Soon"))
    boxes = {"Fine": TRUTH, "Late": lost_between(19, 29), "Soon": lost_between(4, 29)}
    results = []
    for name in ("one", "two"):
        for sequence in dataset.sequences:
            write_result(tmp_path / name, sequence, Result(boxes[sequence.name]))
        folder = tmp_path / name
        results.append((evaluate_results(dataset, folder, convention=get_convention("otb")), folder))
    found = [(f.tracker, f.sequence, f.index) for f in find_failures(dataset, results)]
    assert found == [("one", "Soon", 4), ("one", "Late", 19), ("two", "Soon", 4), ("two", "Late", 19)]
    shown = find_failures(dataset, results, limit=2)
    assert [(f.tracker, f.sequence) for f in shown] == [("one", "Soon"), ("two", "Soon")]
    assert (shown[0].truth, shown[0].prediction) == (Box(10, 10, 20, 20), Box(80, 10, 20, 20))


@pytest.mark.parametrize("shape", [(60, 100, 3), (1080, 1920, 3), (4000, 300, 3)])
def test_pictures_stay_small_even_of_noise(shape: tuple[int, int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 255, shape, np.uint8)
    uri = jpeg_uri(noise)
    assert len(uri) <= URI_BYTES == 40_000
    image = cv2.imdecode(np.frombuffer(base64.b64decode(uri.split(",")[1]), np.uint8), cv2.IMREAD_COLOR)
    assert max(image.shape) <= 480
    assert image.shape[1] / image.shape[0] == pytest.approx(shape[1] / shape[0], rel=0.05)


@pytest.mark.parametrize(
    ("prediction", "text", "boxes"),
    [
        (Box(50, 10, 20, 20), "frame 5 of 30</span>", 2),
        (Box(150, 10, 20, 20), "prediction outside the image", 2),
        (None, "no box reported", 1),
    ],
)
def test_what_the_caption_says(prediction: Box | None, text: str, boxes: int) -> None:
    image = np.zeros((60, 100, 3), np.uint8)
    html = failure_gallery([FailureFrame("a<b", "Seq", 4, 30, image, Box(10, 10, 20, 20), prediction)])
    assert text in html
    assert "a&lt;b" in html
    assert html.count('<rect class="halo"') == boxes


def test_failures_are_a_section_of_the_page() -> None:
    failure = FailureFrame("a", "Seq", 4, 30, np.zeros((60, 100, 3), np.uint8), Box(1, 1, 5, 5), None)
    html = comparison_page([TrackerOnPage(make_evaluation("a", 1.0))], title="t", facts={}, failures=[failure])
    assert '<h2 id="failures">' in html
    assert "data:image/jpeg;base64," in html
