"""Image files: any name, any content, any depth, any size."""

from __future__ import annotations

import os
import re
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdedge.show.render import say, show_facts, show_table
from cdedge_runtime import MAX_FRAME_PIXELS
from cdedge_runtime.errors import BadInput
from cdedge_runtime.measure.memory import memory_now
from cdedge_runtime.sources.alike import eight_bit
from cdedge_runtime.sources.frames import open_source
from cdedge_runtime.sources.images import check_header, read_image
from cdedge_runtime.sources.reading import Reading
from tests.conftest import Done, MovingSquare

ODD_NAMES = (b"\xff\xfe", "ünï".encode(), b"a b\x1b[31m", b"[bold]", "日本".encode())


def png(width: int, height: int, *extra: tuple[bytes, int, bytes]) -> bytes:
    """A PNG's start; extra chunks as (kind, length that is said, content)."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", 13, head), *extra]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", length) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, length, content in chunks
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (png(4, 4, (b"IDAT", 2**31 - 1, b"")), "chunk is said to take 2147483647 bytes"),
        (png(4, 4, (b"zTXt", 2**32 - 1, b"")), "chunk is said to take"),
        (png(50_000, 50_000, (b"IDAT", 0, b"")), "50000x50000 pixels"),
        (b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03" + bytes(9), "65535x65535 pixels"),
        (b"\xff\xd8\xff\xff\xc2\x00\x11\x08\xff\xff\xff\xff\x03" + bytes(9), "65535x65535 pixels"),
        (b"\xff\xd8\xff\xe0\xff\xff", "segment is said to take 65535 bytes"),
    ],
)
def test_a_header_that_promises_too_much_is_refused_before_memory_is_taken(
    tmp_path: Path, data: bytes, reason: str
) -> None:
    (tmp_path / "a.png").write_bytes(data)
    before = memory_now().peak_bytes
    with pytest.raises(BadInput, match=rf"a\.png: .*{reason}"):
        read_image(tmp_path / "a.png")
    after = memory_now().peak_bytes
    assert before is None or after is None or after - before < 50_000_000


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_good_headers_pass_and_every_cut_is_an_error_or_a_picture(tmp_path: Path, suffix: str) -> None:
    data = cv2.imencode(suffix, MovingSquare().frame(0))[1].tobytes()
    check_header(memoryview(data))
    path = tmp_path / f"a{suffix}"
    for length in range(0, len(data), len(data) // 40):
        path.write_bytes(data[:length])
        try:
            assert read_image(path).shape == (160, 200, 3)
        except BadInput as error:
            assert str(path) in str(error)  # noqa: PT017


@given(st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8"]), st.binary(max_size=80))
def test_any_header_is_looked_at_without_a_crash(start: bytes, rest: bytes) -> None:
    said = "nothing"
    try:
        check_header(memoryview(start + rest))
    except BadInput as error:
        said = str(error)
    assert re.search(r"^nothing$|is said to take|more than", said), said


def test_the_limit_leaves_room_for_an_8k_frame() -> None:
    assert MAX_FRAME_PIXELS > 7680 * 4320


@pytest.mark.parametrize("name", ODD_NAMES)
def test_names_that_are_not_utf8_or_steer_terminals(
    tmp_path: Path, square_video: Callable[[int], Path], name: bytes
) -> None:
    folder = os.path.join(os.fsencode(tmp_path), name)  # noqa: PTH118 - Path takes no bytes
    os.makedirs(folder)  # noqa: PTH103
    image, video = os.path.join(folder, name + b".png"), os.path.join(folder, name + b".avi")  # noqa: PTH118
    Path(os.fsdecode(image)).write_bytes(cv2.imencode(".png", np.zeros((8, 9, 3), np.uint8))[1].tobytes())
    Path(os.fsdecode(video)).write_bytes(square_video(3).read_bytes())
    for path, frames in ((folder, 1), (image, 1), (video, 3)):
        source = open_source(os.fsdecode(path))
        assert len(list(source.frames())) == frames
        assert source.name.isprintable()
        source.name.encode()
    Path(os.fsdecode(video)).write_bytes(b"damaged")
    with pytest.raises(BadInput, match="cannot open it as a video"):
        open_source(os.fsdecode(video))


def test_odd_names_go_through_the_command_line(
    cdedge: Callable[..., Done], tiny_model: Path, square_folder: Path, tmp_path: Path
) -> None:
    folder = square_folder.rename(tmp_path / os.fsdecode(b"[bold]\x1b[31m\xff"))
    done = cdedge("track", tiny_model, folder, "--frames", 3)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert "[bold]\\x1b[31m\\udcff" in done.stdout
    odd = os.fsdecode(b"\xff.onnx")
    shutil.copy(tiny_model, tmp_path / odd)
    done = cdedge("track", tmp_path / odd, folder, "--frames", 3, "--video", tmp_path / os.fsdecode(b"\xfe.avi"))
    assert done.returncode == 0, done.stderr
    assert len(list(open_source(tmp_path / os.fsdecode(b"\xfe.avi")).frames())) == 3
    done = cdedge("track", tiny_model, tmp_path / "\x1b[2J.mp4")
    assert done.returncode == 1
    assert "\x1b" not in done.stderr
    assert "\\x1b[2J.mp4" in done.stderr


def test_whatever_is_shown_steers_no_terminal_and_is_no_markup(capsys) -> None:
    name, shown = "[bold]\x1b[2J\udcff[/z]", "[bold]\\x1b[2J\\udcff[/z]"
    say(name)
    show_facts(name, [("name", name)])
    show_table(name, ["name", "value"], [(name, name)])
    answer = capsys.readouterr()
    assert answer.err == f"{shown}\n"
    assert answer.out.count(shown) == 5
    assert "\x1b" not in answer.out


def deep(frame: np.ndarray, low: int, high: int) -> np.ndarray:
    """An 8-bit picture in a 16-bit camera's values."""
    return (low + frame.astype(np.float64) / 255 * (high - low)).round().astype(np.uint16)


@pytest.mark.parametrize(("low", "high"), [(7000, 9500), (0, 16383), (0, 65535), (30, 285)])
def test_deep_pictures_are_scaled_by_the_range_that_the_first_one_uses(tmp_path: Path, low: int, high: int) -> None:
    clip = MovingSquare()
    for index in range(3):
        cv2.imwrite(str(tmp_path / f"{index}.png"), deep(clip.frame(index), low, high))
    frames = list(open_source(tmp_path).frames())
    dark, bright = (float(v) for v in np.percentile(clip.frame(0), [0.1, 99.9]))
    for index, frame in enumerate(frames):
        expected = np.clip((clip.frame(index) - dark) * 255 / (bright - dark), 0, 255)
        assert np.abs(frame - expected).max() <= 2
    fixed = next(open_source(tmp_path, Reading(depth_range=(low, high))).frames())
    assert np.abs(fixed.astype(int) - clip.frame(0)).max() <= 1


def test_a_given_range_is_exact() -> None:
    values = np.arange(256, dtype=np.uint16)[None].repeat(3, 0)
    np.testing.assert_array_equal(eight_bit(values * 257, (0, 65535)), values)
    np.testing.assert_array_equal(eight_bit(values + 7000, (7000, 7255)), values)
    np.testing.assert_array_equal(eight_bit(values * 0 + 6000, (7000, 7255)), 0)


def test_one_range_for_a_whole_source(tmp_path: Path) -> None:
    """A hot body that comes in must not make the rest darker."""
    ground = np.tile(np.linspace(7000, 9000, 100).astype(np.uint16), (80, 1))
    hot = ground.copy()
    hot[:40, :50] = 16000
    for index, picture in enumerate((ground, hot)):
        cv2.imwrite(str(tmp_path / f"{index}.png"), picture)
    first, second = open_source(tmp_path).frames()
    np.testing.assert_array_equal(first[40:], second[40:])
    assert (second[:40, :50] == 255).all()


def test_a_flat_or_broken_deep_picture_is_no_crash(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "0.png"), np.full((8, 8), 9000, np.uint16))
    cv2.imwrite(str(tmp_path / "1.tiff"), np.full((8, 8, 3), np.nan, np.float32))
    assert [frame.max() for frame in open_source(tmp_path).frames()] == [0, 0]


def test_frames_of_another_size_are_scaled_into_the_first_ones_pixels(tmp_path: Path) -> None:
    frame = MovingSquare().frame(0)
    cv2.imwrite(str(tmp_path / "0.png"), frame)
    cv2.imwrite(str(tmp_path / "1.png"), cv2.resize(frame, (400, 320), interpolation=cv2.INTER_NEAREST))
    first, second = open_source(tmp_path).frames()
    np.testing.assert_array_equal(first, second)


def test_frames_of_another_shape_are_an_error(tmp_path: Path) -> None:
    frame = MovingSquare().frame(0)
    cv2.imwrite(str(tmp_path / "0.png"), frame)
    cv2.imwrite(str(tmp_path / "1.png"), cv2.rotate(frame, cv2.ROTATE_90_CLOCKWISE))
    frames = open_source(tmp_path).frames()
    next(frames)
    with pytest.raises(BadInput, match="change from 200x160 to 160x200"):
        next(frames)
