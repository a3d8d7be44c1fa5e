from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput
from cdedge_runtime.image import frame_sha256, to_bgr
from cdedge_runtime.sources.frames import open_source
from tests.conftest import MovingSquare


def test_a_sequence_folder_knows_its_box_and_origin(square_folder: Path, moving_square: MovingSquare) -> None:
    source = open_source(str(square_folder))
    assert (source.name, source.origin, source.count) == ("Square", 1, 12)
    assert source.first_box == moving_square.box(0)
    frames = list(source.frames())
    np.testing.assert_array_equal(frames[3], moving_square.frame(3))
    assert len(list(source.frames())) == 12  # it can be read again


def test_a_folder_of_images_has_no_box(square_folder: Path) -> None:
    source = open_source(str(square_folder / "img"))
    assert source.first_box is None
    assert source.count == 12


def test_images_come_in_the_order_of_their_numbers(square_folder: Path) -> None:
    folder = square_folder / "img"
    for image in folder.iterdir():
        image.rename(folder / f"f{int(image.stem)}.png")
    first, *_, last = open_source(str(folder)).frames()
    np.testing.assert_array_equal(first, MovingSquare().frame(0))
    np.testing.assert_array_equal(last, MovingSquare().frame(11))


def test_two_targets_are_told_and_can_be_chosen(square_folder: Path) -> None:
    (square_folder / "groundtruth_rect.txt").rename(square_folder / "groundtruth_rect.1.txt")
    second = square_folder / "groundtruth_rect.2.txt"
    second.write_text("11\t21\t30\t40\n" * 12)
    source = open_source(str(square_folder))
    assert "2 targets" in source.notes[0]
    assert open_source(str(second)).first_box == Box(10, 20, 30, 40)


def test_a_vot_polygon_is_zero_based(square_folder: Path) -> None:
    (square_folder / "groundtruth_rect.txt").unlink()
    (square_folder / "groundtruth.txt").write_text("10,20,30,20,30,60,10,60\n")
    source = open_source(str(square_folder))
    assert source.origin == 0
    assert source.first_box is not None
    assert source.first_box.center == (20, 40)


def test_a_plain_groundtruth_is_zero_based_unless_it_is_lasots(square_folder: Path) -> None:
    (square_folder / "groundtruth_rect.txt").rename(square_folder / "groundtruth.txt")
    assert open_source(str(square_folder)).origin == 0
    (square_folder / "full_occlusion.txt").write_text("0,0,0\n")
    assert open_source(str(square_folder)).origin == 1


@pytest.mark.parametrize("separator", [",", "\t", " ", ", "])
def test_any_separator(square_folder: Path, separator: str) -> None:
    (square_folder / "groundtruth_rect.txt").write_text(separator.join(["11", "21", "30", "40"]) + "\n")
    assert open_source(str(square_folder)).first_box == Box(10, 20, 30, 40)


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "empty"), ("1,2,x,4\n", "row 1"), ("1,2,3\n", "4 numbers")],
)
def test_a_bad_annotation_is_named(square_folder: Path, text: str, message: str) -> None:
    path = square_folder / "groundtruth_rect.txt"
    path.write_text(text)
    with pytest.raises(BadInput, match=message):
        open_source(str(path))


def test_a_video_is_read_to_its_end(square_video: Callable[[int], Path]) -> None:
    source = open_source(str(square_video(8)))
    assert (source.count, source.fps, source.first_box) == (8, 25, None)
    assert [f.shape for f in source.frames()] == [(160, 200, 3)] * 8


def test_a_cut_video_is_an_error_after_its_good_frames(square_video: Callable[[int], Path]) -> None:
    path = square_video(40)
    data = path.read_bytes()
    frames = open_source(str(path)).frames()
    path.write_bytes(data[: len(data) // 2])
    seen: list[np.ndarray] = []
    with pytest.raises(BadInput, match=r"ends \d+ bytes early, after frame \d+ of about 40"):
        seen.extend(frames)
    assert len(seen) < 40


def test_a_sequence_folder_without_an_annotation_is_its_images(square_folder: Path) -> None:
    (square_folder / "groundtruth_rect.txt").unlink()
    source = open_source(str(square_folder))
    assert (source.count, source.first_box, source.name) == (12, None, "Square")


def test_what_a_mac_leaves_and_hides_is_no_frame_and_no_annotation(square_folder: Path) -> None:
    (square_folder / "groundtruth_rect.txt").rename(square_folder / "Square_gt.txt")
    (square_folder / "._Square_gt.txt").write_bytes(b"\0\5\x16\7")
    for name in ("._0001.png", ".hidden.png"):
        (square_folder / "img" / name).write_bytes(b"\0\5\x16\7")
    (square_folder / "img" / "9.jpg").mkdir()
    source = open_source(str(square_folder))
    assert (source.count, len(list(source.frames()))) == (12, 12)


@pytest.mark.parametrize("suffix", [".gif", ".jp2"])
def test_frames_in_rarer_formats(tmp_path: Path, suffix: str) -> None:
    if not cv2.haveImageWriter(f"a{suffix}"):
        pytest.skip(f"this OpenCV cannot write {suffix}")
    for index in range(2):
        assert cv2.imwrite(str(tmp_path / f"{index}{suffix}"), np.full((64, 80, 3), 90 * index, np.uint8))
    assert [frame.shape for frame in open_source(str(tmp_path)).frames()] == [(64, 80, 3)] * 2


def test_an_image_that_cannot_be_decoded_is_named(square_folder: Path) -> None:
    (square_folder / "img" / "0003.png").write_bytes(b"not an image")
    frames = open_source(str(square_folder)).frames()
    next(frames)
    next(frames)
    with pytest.raises(BadInput, match=r"0003\.png"):
        next(frames)


@pytest.mark.parametrize("name", ["none.mp4", "nowhere/"])
def test_what_is_not_there_is_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="no such file"):
        open_source(str(tmp_path / name))


def test_a_file_that_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x" * 100)
    with pytest.raises(BadInput, match="cannot open"):
        open_source(str(tmp_path / "a.mp4"))


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no images"):
        open_source(str(tmp_path))


def test_any_common_frame_becomes_bgr() -> None:
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    expected = np.repeat(grey[..., None], 3, axis=2)
    np.testing.assert_array_equal(to_bgr(grey), expected)
    np.testing.assert_array_equal(to_bgr(grey[..., None]), expected)
    np.testing.assert_array_equal(to_bgr(np.dstack([expected, grey])), expected)
    np.testing.assert_array_equal(to_bgr(grey.astype(np.uint16) << 8), expected)
    assert to_bgr(expected) is expected


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((3, 4), np.float32),
        np.zeros((3, 4, 2), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros(5, np.uint8),
    ],
)
def test_other_frames_are_refused(frame: np.ndarray) -> None:
    with pytest.raises(BadInput, match="frame: expected"):
        to_bgr(frame)


def test_a_frame_is_known_by_size_and_pixels() -> None:
    frame = np.zeros((4, 6, 3), np.uint8)
    assert frame_sha256(frame) == frame_sha256(frame.copy())
    assert frame_sha256(frame) != frame_sha256(frame.reshape(6, 4, 3))


def test_the_demo_clip_is_the_same_every_time() -> None:
    first, second = open_source(None), open_source(None)
    assert frame_sha256(next(first.frames())) == frame_sha256(next(second.frames()))
    assert "demo clip" in first.notes[0]
    assert first.first_box is not None
