"""OTB's layout with its quirks."""

from __future__ import annotations

import numpy as np
import pytest

from cdedge.evaluation.datasets import load_dataset
from cdedge.evaluation.datasets.otb import OTB_ATTRIBUTES
from cdedge_runtime.errors import BadInput, Usage
from tests.evaluation.trees import ROW, make_images, make_otb, make_text


def load(root, names=None):
    return load_dataset("otb", root, names)


def only(root):
    dataset = load(root)
    assert dataset.skipped == ()
    (sequence,) = dataset.sequences
    return sequence


@pytest.mark.parametrize("row", ["11,21,30,40", "11\t21\t30\t40", "11 21 30 40", " 11, 21,  30,40 \r"])
def test_any_separator_and_one_based_rows_become_zero_based(tmp_path, row):
    make_otb(tmp_path, "Couple", rows=[row] * 3)
    sequence = only(tmp_path)
    np.testing.assert_array_equal(sequence.boxes, [[10, 20, 30, 40]] * 3)
    assert sequence.origin == 1
    assert len(sequence) == 3


@pytest.mark.parametrize("folder", ["Jogging", "Skating2"])
def test_two_targets_of_one_folder_are_two_sequences(tmp_path, folder):
    make_otb(tmp_path, folder, file="groundtruth_rect.1.txt")
    make_otb(tmp_path, folder, rows=["1,1,5,5"] * 3, file="groundtruth_rect.2.txt")
    first, second = load(tmp_path).sequences
    assert (first.name, second.name) == (f"{folder}-1", f"{folder}-2")
    assert first.frame_paths == second.frame_paths
    assert second.first_box.x == 0


def test_human4_is_its_second_target_only(tmp_path):
    make_otb(tmp_path, "Human4", rows=[], file="groundtruth_rect.1.txt")
    make_otb(tmp_path, "Human4", file="groundtruth_rect.2.txt")
    assert only(tmp_path).name == "Human4-2"


def test_human4_with_a_single_annotation_keeps_its_folders_name(tmp_path):
    make_otb(tmp_path, "Human4")
    assert only(tmp_path).name == "Human4"


@pytest.mark.parametrize(
    ("name", "images", "first", "last"),
    [
        ("David", 780, 300, 770),
        ("Football1", 81, 1, 74),
        ("Freeman3", 470, 1, 460),
        ("Freeman4", 300, 1, 283),
        ("Diving", 231, 1, 215),
    ],
)
def test_only_the_annotated_range_is_read(tmp_path, name, images, first, last):
    make_otb(tmp_path, name, range(1, images + 1), rows=[ROW] * (last - first + 1))
    paths = only(tmp_path).frame_paths
    assert (int(paths[0].stem), int(paths[-1].stem), len(paths)) == (first, last, last - first + 1)


def test_a_copy_of_only_the_annotated_frames_is_read_as_it_is(tmp_path):
    make_otb(tmp_path, "David", range(300, 771), rows=[ROW] * 471)
    assert [p.name for p in only(tmp_path).frame_paths][::470] == ["0300.jpg", "0770.jpg"]


@pytest.mark.parametrize(("name", "start", "digits"), [("BlurCar1", 247, 4), ("BlurCar3", 3, 4), ("Board", 1, 5)])
def test_the_first_number_and_the_digits_of_the_names_do_not_matter(tmp_path, name, start, digits):
    make_otb(tmp_path, name, range(start, start + 3), digits=digits)
    assert only(tmp_path).frame_paths[0].name == f"{start:0{digits}d}.jpg"


@pytest.mark.parametrize(("rows", "start"), [(354, 1), (349, 6)])
def test_tiger1_starts_where_its_annotation_does(tmp_path, rows, start):
    make_otb(tmp_path, "Tiger1", range(1, 355), rows=[ROW] * rows)
    assert int(only(tmp_path).frame_paths[0].stem) == start


@pytest.mark.parametrize("line", ["11,21,30", "11,21,3x,40", "11,21,30,40,5", "NaN,NaN,NaN,NaN"])
def test_a_malformed_row_is_an_absent_target_and_is_reported(tmp_path, line):
    make_otb(tmp_path, "BlurCar1", rows=[ROW, line, ROW])
    sequence = only(tmp_path)
    assert np.isnan(sequence.boxes).all(axis=1).tolist() == [False, True, False]
    reported = any("malformed" in note and note.endswith(": 2") for note in sequence.notes)
    assert reported == (not line.startswith("NaN"))


@pytest.mark.parametrize(
    ("numbers", "rows", "reason"),
    [
        (range(1, 4), 2, "3 frames but 2 annotation rows"),
        ((1, 2, 4), 4, "3 frames but 4 annotation rows; frame 3 is missing"),
        ((), 3, "no images"),
        (range(1, 4), 0, "is empty"),
    ],
)
def test_what_does_not_fit_is_skipped_with_its_reason(tmp_path, numbers, rows, reason):
    make_otb(tmp_path, "Deer", numbers, rows=[ROW] * rows)
    make_otb(tmp_path, "Couple")
    dataset = load(tmp_path)
    assert [s.name for s in dataset.sequences] == ["Couple"]
    ((name, why),) = dataset.skipped
    assert name == "Deer"
    assert reason in why


def test_a_first_row_without_a_box_is_skipped(tmp_path):
    make_otb(tmp_path, "Deer", rows=["11,21,0,40", ROW, ROW])
    assert "first annotation row" in load(tmp_path).skipped[0][1]


@pytest.mark.parametrize("alias", ["Jogging-2", "Jogging.2", "jogging_2", "JOGGING-2"])
def test_names_are_known_in_every_spelling(tmp_path, alias):
    for number in (1, 2):
        make_otb(tmp_path, "Jogging", file=f"groundtruth_rect.{number}.txt")
    assert [s.name for s in load(tmp_path, [alias]).sequences] == ["Jogging-2"]


def test_human4_needs_no_number(tmp_path):
    make_otb(tmp_path, "Human4", file="groundtruth_rect.2.txt")
    assert [s.name for s in load(tmp_path, ["human4"]).sequences] == ["Human4-2"]


def test_names_keep_their_order_and_an_unknown_one_is_an_error(tmp_path):
    for name in ("Couple", "Deer", "Woman"):
        make_otb(tmp_path, name)
    assert [s.name for s in load(tmp_path, ["Woman", "Couple"]).sequences] == ["Woman", "Couple"]
    with pytest.raises(Usage, match=r"no sequence named Bolt; there are: Couple, Deer, Woman"):
        load(tmp_path, ["Bolt", "Deer"])


def test_attributes_come_from_the_folder_then_the_list_then_the_table(tmp_path):
    for name in ("Couple", "Deer", "Woman"):
        make_otb(tmp_path, name)
    make_text(tmp_path / "Couple" / "attrs.txt", ["IV, SV"])
    make_text(tmp_path / "tb_100.txt", ["Couple\tLR", "Deer\tMB, FM"])
    attributes = {s.name: s.attributes for s in load(tmp_path).sequences}
    assert attributes == {
        "Couple": ("IV", "SV"),
        "Deer": ("MB", "FM"),
        "Woman": tuple(OTB_ATTRIBUTES["Woman"].split()),
    }


def test_the_table_has_the_hundred_targets_and_the_eleven_attributes():
    used = {label for text in OTB_ATTRIBUTES.values() for label in text.split()}
    assert len(OTB_ATTRIBUTES) == 100
    assert used == {"IV", "SV", "OCC", "DEF", "MB", "FM", "IPR", "OPR", "OV", "BC", "LR"}


def test_a_wrong_root_says_what_was_expected(tmp_path):
    make_images(tmp_path / "img", range(1, 3))
    with pytest.raises(BadInput, match=r"no otb sequence here, expected NAME/img/0001.jpg and NAME/groundtruth"):
        load(tmp_path)
    with pytest.raises(BadInput, match="no such folder"):
        load(tmp_path / "nowhere")


def test_an_unknown_kind_names_those_there_are(tmp_path):
    with pytest.raises(Usage, match="expected one of: otb, tc128"):
        load_dataset("imagenet", tmp_path)
