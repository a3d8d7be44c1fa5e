"""Results in other evaluators' layouts."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cdedge.evaluation.convert import convert
from cdedge.evaluation.result_files import Result, read_result, write_result
from cdedge_runtime.errors import BadInput, Usage
from tests.evaluation.trees import make_dataset, make_sequence


@pytest.fixture
def ours(tmp_path):
    return tmp_path / "deepcd"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def written(folder, sequence, **changes):
    boxes = sequence.boxes + 0.4
    boxes[3] = changes.get("row", boxes[3])
    write_result(folder, sequence, Result(boxes, np.full(len(sequence), 0.02)))
    return make_dataset(sequence, kind=changes.get("kind", "otb"))


def lines(path):
    return path.read_text().splitlines()


@pytest.mark.parametrize(("name", "theirs"), [("Jogging-1", "Jogging.1"), ("Human4-2", "Human4"), ("Deer", "Deer")])
def test_got10k_has_its_own_names_and_a_times_folder(ours, out, name, theirs):
    dataset = written(ours, make_sequence(name))
    assert convert(ours, dataset, to="got10k", out=out) == (name,)
    assert lines(out / f"{theirs}.txt")[0] == "11.400,21.400,30.400,40.400"
    assert lines(out / "times" / f"{theirs}_time.txt") == ["0.02000000"] * 5


def test_got10k_itself_has_a_folder_per_sequence(ours, out):
    sequence = make_sequence("GOT-10k_Val_000001", origin=0)
    convert(ours, written(ours, sequence, kind="got10k"), to="got10k", out=out)
    assert lines(out / sequence.name / f"{sequence.name}_001.txt")[0] == "10.400,20.400,30.400,40.400"
    assert len(lines(out / sequence.name / f"{sequence.name}_time.txt")) == 5


def test_jwlims_json_is_a_list_with_the_frames_numbers(ours, out):
    convert(ours, written(ours, make_sequence("Jogging-1")), to="otb-matlab-json", out=out)
    (record,) = json.loads((out / "Jogging-1.json").read_text())
    assert record["res"][0] == [11.4, 21.4, 30.4, 40.4]
    expected = {
        "tracker": "deepcd",
        "seqName": "Jogging-1",
        "startFrame": 1,
        "endFrame": 5,
        "evalType": "OPE",
    }
    assert expected.items() <= record.items()
    assert (record["resType"], record["fps"]) == ("rect", pytest.approx(50))


@pytest.mark.parametrize(
    ("kind", "name", "theirs"),
    [("otb", "Jogging-1", "Jogging_1"), ("uav123", "bike1", "uav_bike1"), ("nfs", "ball", "nfs_ball")],
)
def test_pytracking_has_whole_numbers_between_tabs(ours, out, kind, name, theirs):
    convert(ours, written(ours, make_sequence(name), kind=kind), to="pytracking", out=out)
    assert lines(out / f"{theirs}.txt")[0] == "11\t21\t30\t40"
    assert len(lines(out / f"{theirs}_time.txt")) == 5


def test_pytrackings_missing_box_is_one_it_repairs(ours, out):
    convert(ours, written(ours, make_sequence(), row=np.nan), to="pytracking", out=out)
    assert lines(out / "Couple.txt")[3] == "0\t0\t0\t0"


def test_pysot_has_flat_files_between_commas(ours, out):
    convert(ours, written(ours, make_sequence("Jogging-1")), to="pysot", out=out)
    assert [p.name for p in out.iterdir()] == ["Jogging-1.txt"]
    assert lines(out / "Jogging-1.txt")[4] == "19.400,21.400,30.400,40.400"


def test_vot_starts_with_the_initialisation_and_is_zero_based(ours, out):
    convert(ours, written(ours, make_sequence("book"), row=np.nan, kind="vot"), to="vot", out=out)
    folder = out / "unsupervised" / "book"
    assert lines(folder / "book_001.txt") == [
        "1",
        "12.400,20.400,30.400,40.400",
        "14.400,20.400,30.400,40.400",
        "0",
        "18.400,20.400,30.400,40.400",
    ]
    assert len(lines(folder / "book_001_time.value")) == 5


@pytest.mark.parametrize("to", ["got10k", "pysot"])
def test_what_was_converted_is_read_back(ours, out, to):
    sequence = make_sequence("Jogging-1")
    convert(ours, written(ours, sequence), to=to, out=out)
    np.testing.assert_array_equal(read_result(out, sequence).boxes, read_result(ours, sequence).boxes)


def test_only_complete_results_are_converted(ours, out):
    couple, deer = make_sequence("Couple"), make_sequence("Deer")
    written(ours, couple)
    (ours / "Deer.txt").write_text("11,21,30,40\n")
    assert convert(ours, make_dataset(couple, deer), to="pysot", out=out) == ("Couple",)
    with pytest.raises(BadInput, match="no complete result"):
        convert(ours, make_dataset(deer), to="pysot", out=out)


@pytest.mark.parametrize("to", ["got10k", "otb-matlab-json", "pytracking", "pysot", "vot"])
def test_only_a_folder_of_the_same_results_is_written_to_again(ours, out, to):
    couple, deer = make_sequence("Couple"), make_sequence("Deer")
    both = make_dataset(couple, deer)
    written(ours, couple)
    convert(ours, both, to=to, out=out)
    written(ours, deer)
    assert convert(ours, both, to=to, out=out) == ("Couple", "Deer")  # what came since is added
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    written(ours, deer, row=3.0)
    with pytest.raises(Usage, match=r"holds .*Deer.*, which is not of this conversion"):
        convert(ours, both, to=to, out=out)
    with pytest.raises(Usage, match="not of this conversion"):
        convert(ours, make_dataset(couple), to=to, out=out)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_vots_other_experiments_may_be_there(ours, out):
    (out / "baseline").mkdir(parents=True)
    (out / "baseline" / "book.txt").write_text("1\n")
    dataset = written(ours, make_sequence("book"), kind="vot")
    assert convert(ours, dataset, to="vot", out=out) == ("book",)
    with pytest.raises(Usage, match=r"holds baseline/book\.txt"):
        convert(ours, dataset, to="pysot", out=out)


def test_an_unknown_layout_names_those_there_are(ours, out):
    with pytest.raises(Usage, match="expected one of: got10k, otb-matlab-json, pytracking, pysot, vot"):
        convert(ours, make_dataset(make_sequence()), to="coco", out=out)
