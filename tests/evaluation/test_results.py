"""Result files and the scores of a folder of them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cdedge.evaluation.metrics import CONVENTIONS
from cdedge.evaluation.result_files import Result, is_complete, read_result, write_result
from cdedge.evaluation.results import auc_difference, by_attribute, evaluate_results, precision_difference, to_json
from cdedge_runtime.errors import BadInput
from tests.evaluation.trees import make_dataset, make_sequence, make_text

OTB = CONVENTIONS["otb"]


def perfect(sequence, seconds=0.02):
    return Result(sequence.boxes, np.full(len(sequence), seconds))


def far_away(sequence):
    return Result(sequence.boxes + np.array([400, 0, 0, 0]), np.full(len(sequence), 0.01))


def test_files_are_those_of_other_evaluators(tmp_path):
    sequence = make_sequence("Jogging-1")
    path = write_result(tmp_path, sequence, Result(sequence.boxes, np.full(5, 0.0123), np.full(5, 0.5)))
    assert path == tmp_path / "Jogging-1.txt"
    assert path.read_text().splitlines()[1] == "13.000,21.000,30.000,40.000"  # 1-based again
    assert (tmp_path / "times" / "Jogging-1_time.txt").read_text().splitlines()[0] == "0.01230000"
    assert (tmp_path / "scores" / "Jogging-1.txt").read_text().splitlines()[0] == "0.500000"
    assert sorted(p.name for p in tmp_path.rglob("*.txt")) == [
        "Jogging-1.txt",
        "Jogging-1.txt",
        "Jogging-1_time.txt",
    ]


def test_what_is_written_is_read_back(tmp_path):
    sequence = make_sequence()
    boxes = sequence.boxes + 0.1234
    boxes[2] = np.nan
    write_result(tmp_path, sequence, Result(boxes, np.arange(5) / 7, np.arange(5) / 9))
    back = read_result(tmp_path, sequence)
    np.testing.assert_allclose(back.boxes, boxes, atol=5e-4)
    np.testing.assert_allclose(back.times_s, np.arange(5) / 7, atol=5e-9)
    np.testing.assert_allclose(back.scores, np.arange(5) / 9, atol=5e-7)


def test_times_and_scores_are_optional(tmp_path):
    sequence = make_sequence()
    write_result(tmp_path, sequence, Result(sequence.boxes))
    back = read_result(tmp_path, sequence)
    assert (back.times_s, back.scores) == (None, None)


@pytest.mark.parametrize("separator", [",", "\t", " ", ", "])
@pytest.mark.parametrize("name", ["Jogging-1", "Jogging.1", "jogging_1"])
def test_another_trackers_files_are_read(tmp_path, name, separator):
    sequence = make_sequence("Jogging-1")
    make_text(tmp_path / f"{name}.txt", [separator.join(["11", "21", "30", "40"])] * 5)
    make_text(tmp_path / f"{name}_time.txt", ["0.5"] * 5)
    result = read_result(tmp_path, sequence)
    np.testing.assert_array_equal(result.boxes, [[10, 20, 30, 40]] * 5)
    np.testing.assert_array_equal(result.times_s, [0.5] * 5)


def test_got10ks_folder_per_sequence_is_read(tmp_path):
    make_text(tmp_path / "Couple" / "Couple_001.txt", ["11,21,30,40"] * 5)
    make_text(tmp_path / "Couple" / "Couple_time.txt", ["0.5,0.6"] * 5)
    assert read_result(tmp_path, make_sequence()).times_s.tolist() == [0.5] * 5


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (["11,21,30,40"] * 4, "incomplete: 4 boxes for 5 frames"),
        (["11,21,30,40"] * 4 + ["11,21,3"], "row 5 is not four numbers"),
        (["11,21,30,40"] * 6, "not of this sequence: 6 boxes for 5 frames"),
        ([], "is empty"),
    ],
)
def test_a_half_written_file_is_incomplete(tmp_path, rows, reason):
    sequence = make_sequence()
    make_text(tmp_path / "Couple.txt", rows)
    assert not is_complete(tmp_path, sequence)
    with pytest.raises(BadInput, match=reason):
        read_result(tmp_path, sequence)


def test_a_result_of_another_length_is_not_written(tmp_path):
    sequence = make_sequence()
    with pytest.raises(BadInput, match="for 5 frames"):
        write_result(tmp_path, sequence, Result(sequence.boxes[:4]))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_scored(tmp_path):
    couple, deer = make_sequence("Couple", attributes=("SV", "FM")), make_sequence("Deer", attributes=("FM",))
    write_result(tmp_path, couple, perfect(couple, seconds=0.03))
    write_result(tmp_path, deer, far_away(deer))
    evaluation = evaluate_results(make_dataset(couple, deer), tmp_path, convention=OTB)
    lost = (20 / 5) / 21  # the first frame alone
    assert evaluation.mean.auc == pytest.approx((20 / 21 + lost) / 2)
    assert evaluation.mean.precision_20px == pytest.approx((1 + 0.2) / 2)
    assert evaluation.auc_interval == pytest.approx((lost, 20 / 21))
    assert evaluation.speed.fps == pytest.approx(10 / (5 * 0.03 + 5 * 0.01))  # not the mean of 33 and 100
    assert evaluation.speed.init_ms == pytest.approx(20)
    attributes = {label: curves.auc for label, curves in by_attribute(evaluation).items()}
    assert attributes == pytest.approx({"FM": evaluation.mean.auc, "SV": 20 / 21})


def test_missing_and_half_written_results_are_named_and_in_no_mean(tmp_path):
    sequences = [make_sequence(name) for name in ("Couple", "Deer", "Woman")]
    write_result(tmp_path, sequences[0], perfect(sequences[0]))
    make_text(tmp_path / "Deer.txt", ["11,21,30,40"] * 2)
    evaluation = evaluate_results(make_dataset(*sequences), tmp_path, convention=OTB)
    assert [score.name for score in evaluation.scores] == ["Couple"]
    assert [name for name, _ in evaluation.missing] == ["Deer", "Woman"]
    assert "incomplete" in evaluation.missing[0][1]


@pytest.mark.parametrize(
    "boxes", [[[10, 20, 30, 40]], [[10, 20, 30, 40], [-1, -1, 0, 0], [-1, -1, 0, 0]]], ids=["one frame", "zero rows"]
)
def test_a_sequence_with_nothing_to_score_takes_no_other_score_away_and_adds_none(tmp_path, boxes):
    couple, deer = make_sequence("Couple"), make_sequence("Deer", boxes)
    write_result(tmp_path, couple, far_away(couple))
    write_result(tmp_path, deer, Result(deer.boxes))
    evaluation = evaluate_results(make_dataset(couple, deer), tmp_path, convention=OTB)
    assert [score.name for score in evaluation.scores] == ["Couple"]
    assert evaluation.mean.auc == pytest.approx(evaluation.scores[0].curves.auc)
    assert evaluation.missing == (("Deer", "no frame after the first has ground truth, so there is nothing to score"),)


def test_nothing_to_score_is_an_error(tmp_path):
    with pytest.raises(BadInput, match="no result for Couple"):
        evaluate_results(make_dataset(make_sequence()), tmp_path, convention=OTB)
    with pytest.raises(BadInput, match="no such results folder"):
        evaluate_results(make_dataset(make_sequence()), tmp_path / "no", convention=OTB)


def test_a_prediction_that_a_convention_refuses_names_the_sequence(tmp_path):
    sequence = make_sequence()
    boxes = sequence.boxes.copy()
    boxes[3] = np.nan
    write_result(tmp_path, sequence, Result(boxes))
    with pytest.raises(BadInput, match="Couple: the pytracking convention"):
        evaluate_results(make_dataset(sequence), tmp_path, convention=CONVENTIONS["pytracking"])


def test_json_has_the_promised_keys_and_is_strict_json(tmp_path):
    sequence = make_sequence()
    write_result(tmp_path, sequence, Result(sequence.boxes))
    value = to_json(evaluate_results(make_dataset(sequence), tmp_path, convention=OTB))
    promised = {
        "schema",
        "precision_20px",
        "auc",
        "auc_interval",
        "sr_50",
        "normalized_precision",
        "fps",
        "sequences",
    }
    assert promised <= set(value)
    assert value["fps"] is None
    (first,) = value["sequences"]
    assert first["name"] == "Couple"
    assert first["auc"] == pytest.approx(20 / 21)
    assert json.loads(json.dumps(value, allow_nan=False)) == value


def test_trackers_are_compared_on_the_sequences_both_have(tmp_path):
    couple, deer = make_sequence("Couple"), make_sequence("Deer")
    dataset = make_dataset(couple, deer)
    write_result(tmp_path / "a", couple, perfect(couple))
    write_result(tmp_path / "a", deer, perfect(deer))
    write_result(tmp_path / "b", deer, far_away(deer))
    first, second = (evaluate_results(dataset, tmp_path / name, convention=OTB) for name in "ab")
    assert auc_difference(first, second).mean == pytest.approx(20 / 21 * 0.8)
    assert precision_difference(second, first).mean == pytest.approx(-0.8)
    write_result(tmp_path / "c", couple, perfect(couple))
    third = evaluate_results(dataset, tmp_path / "c", convention=OTB)
    with pytest.raises(BadInput, match="no sequence in common"):
        auc_difference(second, third)
