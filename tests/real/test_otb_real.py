"""The development copy of OTB100, UAV123 and VOT2018, where it is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cdedge.evaluation.datasets import load_dataset
from cdedge.evaluation.metrics import CONVENTIONS, score_sequence

ROOT = Path(__file__).parents[3] / "shared" / "sequences"
pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="../shared/sequences is not here")


def test_twenty_targets_load():
    dataset = load_dataset("otb", ROOT / "OTB100")
    lengths = {sequence.name: len(sequence) for sequence in dataset.sequences}
    assert dataset.skipped == ()
    assert len(lengths) == 20
    assert sum(lengths.values()) == 5282
    assert (lengths["Football1"], lengths["David"], lengths["Jogging-2"]) == (74, 471, 307)
    assert all(sequence.attributes for sequence in dataset.sequences)


def test_every_target_lies_in_its_first_frame():
    for sequence in load_dataset("otb", ROOT / "OTB100").sequences:
        height, width, channels = next(sequence.frames()).shape
        box = sequence.first_box
        assert channels == 3
        assert 0 <= box.x < box.x + box.width <= width
        assert 0 <= box.y < box.y + box.height <= height


def test_the_ground_truth_scores_20_of_21_of_the_rows_that_count():
    """OTB's rule: a row with a number that is not positive counts as a miss; Biker leaves the frame at the top."""
    for sequence in load_dataset("otb", ROOT / "OTB100").sequences:
        curves = score_sequence(sequence.boxes, sequence.boxes, origin=sequence.origin, convention=CONVENTIONS["otb"])
        counts = (np.add(sequence.boxes, (sequence.origin, sequence.origin, 0, 0)) > 0).all(axis=1)
        assert curves.auc == pytest.approx(20 / 21 * counts.mean())


def test_a_box_that_never_moves_is_worse():
    (sequence,) = load_dataset("otb", ROOT / "OTB100", ["David"]).sequences
    still = np.tile(sequence.boxes[0], (len(sequence), 1))
    curves = score_sequence(still, sequence.boxes, origin=1, convention=CONVENTIONS["otb"])
    assert 0 < curves.auc < 0.5


@pytest.mark.parametrize(
    ("kind", "folder", "name", "frames"),
    [("uav123", "UAV123_10fps", "wakeboard7", 67), ("vot", "VOT2018", "book", 175)],
)
def test_other_benchmarks_load(kind, folder, name, frames):
    (sequence,) = load_dataset(kind, ROOT / folder).sequences
    assert (sequence.name, len(sequence)) == (name, frames)
