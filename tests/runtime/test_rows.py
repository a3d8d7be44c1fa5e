"""Annotation files as people have them, through every door."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdedge.evaluation.datasets import load_dataset
from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput
from cdedge_runtime.sources.annotations import find_annotation
from cdedge_runtime.sources.rows import read_rows, row_box, split_line
from tests.evaluation.trees import ROW, make_images, make_otb, make_text

BOX = (205.5, 151.5, 17.0, 50.0)


@pytest.mark.parametrize(
    "line",
    [
        "205,5;151,5;17,0;50,0",
        "205,5; 151,5; 17; 50;",
        "205,5\t151,5\t17,0\t50,0",
        "205,5 151,5 17 50",
        "205.5,151.5,17.0,50.0",
        "205.5, 151.5, 17, 50",
        "205.5;151.5;17;50",
        "205.5 151.5\t17 50",
    ],
)
def test_one_box_in_every_way_to_write_it(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.txt").write_text(line + "\n")
    assert read_rows(tmp_path / "a.txt") == [BOX]


def test_any_kind_of_path_will_do(tmp_path: Path) -> None:
    make_otb(tmp_path, "Couple")
    box_file = tmp_path / "Couple" / "groundtruth_rect.txt"
    assert read_rows(str(box_file)) == read_rows(box_file)
    assert find_annotation(str(box_file)) == find_annotation(box_file)
    with pytest.raises(BadInput, match="expected a path"):
        read_rows(7)  # type: ignore[arg-type]


def test_a_polygon_may_have_decimal_commas(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("10,5;20,5;30,5;20,5;30,5;60,5;10,5;60,5\n")
    box = row_box(read_rows(tmp_path / "a.txt")[0], 0)
    assert box is not None
    assert box.center == (20.5, 40.5)


def test_four_pairs_between_spaces_may_be_either_and_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("205,5 151,5 17,0 50,0\n")
    with pytest.raises(BadInput, match=r"a\.txt: .*four points or four numbers with decimal commas"):
        read_rows(tmp_path / "a.txt")


@given(st.lists(st.integers(0, 10**7), min_size=4, max_size=4))
def test_decimal_commas_say_what_decimal_points_say(thousandths: list[int]) -> None:
    points = [f"{n // 1000}.{n % 1000:03d}" for n in thousandths]
    assert split_line(";".join(points).replace(".", ",")) == split_line(",".join(points)) == points


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_any_unicode_file(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.txt").write_text("x;y;w;h\r\n205,5;151,5;17;50\r\n", encoding=encoding)
    assert read_rows(tmp_path / "a.txt") == [BOX]


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("x,y,w,h\n1,2,3,4\n", (1, 2, 3, 4)),
        ("frame,left,top,width,height,score\n0,1,2,3,4,0.5\n", (1, 2, 3, 4)),
        ("# made by hand\nh w y x\n4 3 2 1\n", (1, 2, 3, 4)),
        ("x1,y1,x2,y2,x3,y3,x4,y4\n1,2,3,4,5,6,7,8\n", (1, 2, 3, 4, 5, 6, 7, 8)),
        ("frame,x,y,w,h\n0,1,2\n", ()),
    ],
)
def test_a_header_says_where_the_numbers_are(tmp_path: Path, text: str, row: tuple[float, ...]) -> None:
    (tmp_path / "a.txt").write_text(text)
    assert read_rows(tmp_path / "a.txt") == [row]


@pytest.mark.parametrize("header", ["x1,y1,x2,y2", "xmin,ymin,xmax,ymax", "a target"])
def test_a_header_of_something_else_is_refused(tmp_path: Path, header: str) -> None:
    (tmp_path / "a.txt").write_text(f"{header}\n1,2,3,4\n")
    with pytest.raises(BadInput, match="does not name the columns x,y,w,h"):
        read_rows(tmp_path / "a.txt")


@given(st.binary(max_size=60))
def test_any_bytes_are_rows_or_our_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.txt"
    path.write_bytes(data)
    try:
        rows = read_rows(path)
    except BadInput:
        return
    assert all(isinstance(value, float) for row in rows for value in row)


@pytest.mark.parametrize(
    ("name", "images", "rows"),
    [("Tiger1", 354, 349), ("Tiger1", 354, 354), ("David", 770, 471), ("Football1", 81, 74), ("Couple", 5, 5)],
)
def test_every_door_starts_at_the_same_image_with_the_same_box(
    tmp_path: Path, name: str, images: int, rows: int
) -> None:
    make_otb(tmp_path, name, range(1, images + 1), rows=["15,21,30,40", *[ROW] * (rows - 1)])
    (scored,) = load_dataset("otb", tmp_path).sequences
    tracked = find_annotation(tmp_path / name)
    assert tracked is not None
    assert tracked.images == scored.frame_paths
    assert tracked.first_box == scored.first_box == Box(14, 20, 30, 40)


def test_the_range_that_tc128_gives_holds_for_every_door(tmp_path: Path) -> None:
    make_images(tmp_path / "Ball" / "img", range(1, 11))
    make_text(tmp_path / "Ball" / "Ball_gt.txt", [ROW] * 4)
    make_text(tmp_path / "Ball" / "Ball_frames.txt", ["3,6"])
    (scored,) = load_dataset("tc128", tmp_path).sequences
    tracked = find_annotation(tmp_path / "Ball")
    assert tracked is not None
    assert tracked.images == scored.frame_paths
    assert tracked.images[0].name == "0003.jpg"


def test_rows_that_are_not_as_many_as_the_images_are_said(tmp_path: Path) -> None:
    make_otb(tmp_path, "Couple", range(1, 6), rows=[ROW] * 4)
    tracked = find_annotation(tmp_path / "Couple")
    assert tracked is not None
    assert "5 images but 4 annotation rows" in tracked.notes[0]
    make_text(tmp_path / "Couple" / "groundtruth_rect.txt", [ROW])  # where to start, and no more
    tracked = find_annotation(tmp_path / "Couple")
    assert tracked is not None
    assert tracked.notes == ()


def test_a_blank_line_is_a_frame_without_a_box_and_moves_no_other(tmp_path: Path) -> None:
    rows = [f"{x},1,9,9" for x in range(6)]
    make_otb(tmp_path, "Couple", range(1, 7), rows=["", *rows[:3], "", *rows[4:], "", " "])
    tracked = find_annotation(tmp_path / "Couple")
    assert tracked is not None
    assert [None if box is None else box.x + 1 for box in map(tracked.box_at, range(6))] == [0, 1, 2, None, 4, 5]
    (scored,) = load_dataset("otb", tmp_path).sequences
    assert [bool(np.isnan(box).any()) for box in scored.boxes] == [False, False, False, True, False, False]
    for spaced in ("\n\n".join(rows), "\r\r\n".join(["# x y w h", *rows])):
        (tmp_path / "rows.txt").write_bytes(spaced.encode())
        assert [row[0] for row in read_rows(tmp_path / "rows.txt")] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("text", ["nan,6", "3,inf", "3", "3,6,9"])
def test_a_range_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    make_text(tmp_path / "Ball" / "Ball_gt.txt", [ROW])
    make_images(tmp_path / "Ball" / "img", range(3))
    make_text(tmp_path / "Ball" / "Ball_frames.txt", [text])
    with pytest.raises(BadInput, match="frame number"):
        find_annotation(tmp_path / "Ball")


def test_hidden_files_are_no_annotation_of_a_data_set(tmp_path: Path) -> None:
    make_images(tmp_path / "clip", range(3))
    make_text(tmp_path / "clip" / "clip_gt.txt", [ROW] * 3)
    for name in ("._clip_gt.txt", "._0001.jpg"):
        (tmp_path / "clip" / name).write_bytes(b"\0\5\x16\7")
    dataset = load_dataset("folder", tmp_path)
    assert dataset.skipped == ()
    np.testing.assert_array_equal(dataset.sequences[0].boxes, [[11, 21, 30, 40]] * 3)
