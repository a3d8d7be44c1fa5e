"""The other benchmarks' layouts."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from cdedge.evaluation.datasets import load_dataset
from cdedge.evaluation.datasets.uav123 import SEGMENTS
from cdedge.evaluation.sequence import read_frame
from cdedge_runtime.errors import BadInput, Usage
from tests.evaluation.trees import ROW, make_images, make_text

POLYGON = "10,20,40,20,40,60,10,60"
NAN = "NaN,NaN,NaN,NaN"


def only(kind, root):
    dataset = load_dataset(kind, root)
    assert dataset.skipped == ()
    (sequence,) = dataset.sequences
    return sequence


def numbers(sequence):
    return [int(p.stem) for p in sequence.frame_paths]


def test_tc128_reads_the_annotated_range(tmp_path):
    make_images(tmp_path / "Ball_ce1" / "img", range(1, 11))
    make_text(tmp_path / "Ball_ce1" / "Ball_ce1_gt.txt", [ROW] * 4)
    make_text(tmp_path / "Ball_ce1" / "Ball_ce1_frames.txt", ["3,6"])
    sequence = only("tc128", tmp_path)
    assert (sequence.name, sequence.origin, numbers(sequence)) == ("Ball_ce1", 1, [3, 4, 5, 6])
    assert sequence.first_box.x == 10


def make_uav(root, version, name, folder, images, rows):
    make_images(root / "data_seq" / version / folder, images, digits=6)
    make_text(root / "anno" / version / f"{name}.txt", rows)


def test_uav123_segments_of_one_folder(tmp_path):
    for name, count in (("bird1_1", 253), ("bird1_2", 703)):
        make_uav(tmp_path, "UAV123", name, "bird1", range(1, 1501), [ROW] * count)
    first, second = load_dataset("uav123", tmp_path).sequences
    assert (numbers(first)[0], numbers(first)[-1]) == (1, 253)
    assert (numbers(second)[0], numbers(second)[-1]) == (775, 1477)


def test_uav123_at_10_fps_numbers_every_third_frame_anew(tmp_path):
    make_uav(tmp_path, "UAV123_10fps", "bird1_2", "bird1", range(1, 814), [ROW] * 235)
    assert numbers(only("uav123", tmp_path))[::234] == [259, 493]


def test_uav123_rows_of_nan_are_absent_and_a_name_with_a_letter_is_no_segment(tmp_path):
    make_uav(tmp_path, "UAV123", "car1_s", "car1_s", range(1, 4), [ROW, NAN, ROW])
    sequence = only("uav123", tmp_path)
    assert np.isnan(sequence.boxes[:, 0]).tolist() == [False, True, False]
    assert sequence.notes == ()


def test_uav123_with_a_folder_per_name(tmp_path):
    make_images(tmp_path / "bird1_2" / "img", range(1, 4), digits=6)
    make_text(tmp_path / "bird1_2" / "bird1_2_gt.txt", [ROW] * 3)
    assert numbers(only("uav123", tmp_path)) == [1, 2, 3]


def test_uav20l_is_whole_folders_of_uav123(tmp_path):
    make_images(tmp_path / "data_seq" / "UAV123" / "bird1", range(1, 6), digits=6)
    make_text(tmp_path / "anno" / "UAV20L" / "bird1.txt", [ROW] * 5)
    assert len(only("uav20l", tmp_path)) == 5


def test_uav123_segments_start_at_one_and_do_not_overlap():
    for parts in SEGMENTS.values():
        assert parts[0][0] == 1
        assert all(a[0] < a[1] <= b[0] < b[1] for a, b in pairwise(parts))
    assert sum(map(len, SEGMENTS.values())) == 51


@pytest.mark.parametrize("sub", ["color", "img", "."])
@pytest.mark.parametrize("base", [".", "sequences"])
def test_vot_polygons_and_rectangles(tmp_path, base, sub):
    folder = tmp_path / base / "book"
    make_images(folder / sub, range(1, 4), digits=8)
    make_text(folder / "groundtruth.txt", [POLYGON, "10,20,30,40", "nan,nan,nan,nan"])
    make_text(folder / "occlusion.tag", ["0", "1", "0"])
    make_text(folder / "size_change.tag", ["0", "0", "0"])
    make_text(tmp_path / base / "list.txt", ["book"])
    sequence = only("vot", tmp_path)
    np.testing.assert_allclose(sequence.boxes[0], [9.5, 19.5, 31, 41])  # ECO adds 1 px to both sides
    np.testing.assert_array_equal(sequence.boxes[1], [10, 20, 30, 40])
    assert np.isnan(sequence.boxes[2]).all()
    assert sequence.attributes == ("occlusion",)
    assert sequence.origin == 0


def test_vot_list_names_a_folder_that_is_not_there(tmp_path):
    make_text(tmp_path / "list.txt", ["book"])
    assert load_dataset("vot", tmp_path).skipped[0][0] == "book"


def test_vot_masks_are_refused_by_name(tmp_path):
    make_images(tmp_path / "book" / "color", range(1, 2), digits=8)
    make_text(tmp_path / "book" / "groundtruth.txt", ["m10,20,3,4,5,6"])
    assert "masks" in load_dataset("vot", tmp_path).skipped[0][1]


def make_got10k(split, rows, absence=()):
    make_text(split / "list.txt", ["GOT-10k_Val_000001"])
    folder = split / "GOT-10k_Val_000001"
    make_images(folder, range(1, 4), digits=8)
    make_text(folder / "groundtruth.txt", rows)
    if absence:
        make_text(folder / "absence.label", absence)


@pytest.mark.parametrize("split", [".", "val"])
def test_got10k_and_its_absence_labels(tmp_path, split):
    make_got10k(tmp_path / split, ["10.0,20.0,30.0,40.0"] * 3, ["0", "1", "0"])
    sequence = only("got10k", tmp_path)
    assert np.isnan(sequence.boxes[:, 0]).tolist() == [False, True, False]
    assert sequence.first_box.x == 10


def test_got10k_test_split_has_one_row_by_design(tmp_path):
    make_got10k(tmp_path / "test", ["10.0,20.0,30.0,40.0"])
    sequence = only("got10k", tmp_path)
    assert len(sequence) == 3
    assert np.isnan(sequence.boxes[1:]).all()


def test_got10k_with_two_splits_asks_which(tmp_path):
    for split in ("val", "test"):
        make_got10k(tmp_path / split, [ROW])
    with pytest.raises(Usage, match="give one"):
        load_dataset("got10k", tmp_path)


@pytest.mark.parametrize("parent", ["airplane", "."])
def test_lasot_occluded_and_out_of_view_frames_are_absent(tmp_path, parent):
    folder = tmp_path / parent / "airplane-1"
    make_images(folder / "img", range(1, 5), digits=8)
    make_text(folder / "groundtruth.txt", [ROW, ROW, ROW, "0,0,0,0"])
    make_text(folder / "full_occlusion.txt", ["0,1,0,0"])
    make_text(folder / "out_of_view.txt", ["0,0,1,0"])
    sequence = only("lasot", tmp_path)
    assert np.isnan(sequence.boxes[:, 0]).tolist() == [False, True, True, True]
    assert (sequence.origin, sequence.first_box.x) == (1, 10)


def test_lasot_reads_the_testing_set_where_it_is_listed(tmp_path):
    for name in ("airplane-1", "airplane-2"):
        make_images(tmp_path / "airplane" / name / "img", range(1, 2), digits=8)
        make_text(tmp_path / "airplane" / name / "groundtruth.txt", [ROW])
    make_text(tmp_path / "testing_set.txt", ["airplane-2"])
    assert only("lasot", tmp_path).name == "airplane-2"


def test_flags_of_another_length_skip_the_sequence(tmp_path):
    folder = tmp_path / "airplane" / "airplane-1"
    make_images(folder / "img", range(1, 3), digits=8)
    make_text(folder / "groundtruth.txt", [ROW, ROW])
    make_text(folder / "out_of_view.txt", ["0,0,1"])
    assert "3 flags for 2 frames" in load_dataset("lasot", tmp_path).skipped[0][1]


def make_nfs(root, images, rows):
    make_images(root / "ball" / "30" / "ball", range(1, images + 1), digits=5)
    lines = [f'0 {10 + i} 20 {40 + i} 60 {i} 0 0 0 "ball"' for i in range(rows)]
    make_text(root / "ball" / "30" / "ball.txt", lines)


@pytest.mark.parametrize(
    ("images", "rows", "count", "step"), [(4, 4, 4, 1), (4, 32, 4, 8), (4, 33, 4, 8), (4, 3, 3, 1)]
)
def test_nfs_corners_and_rows_of_the_240_fps_video(tmp_path, images, rows, count, step):
    make_nfs(tmp_path, images, rows)
    sequence = only("nfs", tmp_path)
    assert len(sequence) == count
    np.testing.assert_array_equal(sequence.boxes[1], [10 + step, 20, 30, 40])


def test_nfs_never_cuts_more_than_one(tmp_path):
    make_nfs(tmp_path, 6, 4)
    assert "6 frames but 4" in load_dataset("nfs", tmp_path).skipped[0][1]


@pytest.mark.parametrize("file", ["groundtruth_rect.txt", "groundtruth.txt", "clip_gt.txt", "boxes.txt"])
@pytest.mark.parametrize("sub", ["img", "."])
def test_any_folder_of_frames_and_boxes(tmp_path, sub, file):
    make_images(tmp_path / "clip" / sub, range(3))
    make_text(tmp_path / "clip" / file, ["10,20,30,40"] * 3)
    inside, itself = only("folder", tmp_path), only("folder", tmp_path / "clip")
    assert inside.name == itself.name == "clip"
    assert (inside.origin, inside.first_box.x) == (0, 10)


def test_a_folder_with_two_box_files_is_skipped(tmp_path):
    make_images(tmp_path / "img", range(3))
    for name in ("groundtruth.txt", "boxes.txt"):
        make_text(tmp_path / name, [ROW] * 3)
    assert "expected one file of boxes" in load_dataset("folder", tmp_path).skipped[0][1]


@pytest.mark.parametrize("kind", ["tc128", "uav123", "uav20l", "vot", "got10k", "lasot", "nfs", "folder"])
def test_a_wrong_root_says_what_was_expected(tmp_path, kind):
    with pytest.raises(BadInput, match=f"no {kind} sequence here, expected "):
        load_dataset(kind, tmp_path)


def test_frames_are_read_one_by_one_and_a_broken_one_is_named(tmp_path):
    make_images(tmp_path / "img", (2,))
    make_text(tmp_path / "boxes.txt", ["1,1,2,2"] * 2)
    cv2.imwrite(str(tmp_path / "img" / "0001.jpg"), np.full((4, 6, 3), 200, np.uint8))
    frames = only("folder", tmp_path).frames()
    first = next(frames)
    assert (first.shape, first.dtype) == ((4, 6, 3), np.uint8)
    with pytest.raises(BadInput, match=r"0002\.jpg"):
        next(frames)
    with pytest.raises(BadInput, match=r"0009\.jpg"):
        read_frame(tmp_path / "img" / "0009.jpg")


def test_a_root_whose_name_is_too_long_is_not_there():
    with pytest.raises(BadInput, match="no such folder"):
        load_dataset("otb", Path("a" * 5000))
