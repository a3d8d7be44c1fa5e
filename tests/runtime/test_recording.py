"""Recordings: healthy ones are read to their end whatever their header says, breaks are a decoder's or the file's."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from cdedge_runtime.errors import BadInput, BadValue
from cdedge_runtime.sources import frames, recording
from cdedge_runtime.sources.frames import open_source
from cdedge_runtime.sources.reading import Reading
from tests.conftest import Done


class Capture:
    """A decoder: what its header says, and at which grabs it fails."""

    def __init__(self, count: float, grabs: list[bool]) -> None:
        self._count, self._grabs, self.released = count, iter(grabs), False

    def isOpened(self) -> bool:  # noqa: N802
        return True

    def get(self, what: int) -> float:
        return {cv2.CAP_PROP_FRAME_COUNT: self._count, cv2.CAP_PROP_FPS: 25.0}.get(what, 0.0)

    def set(self, *_: object) -> bool:
        return True

    def grab(self) -> bool:
        return next(self._grabs, False)

    def retrieve(self) -> tuple[bool, np.ndarray]:
        return True, np.zeros((8, 8, 3), np.uint8)

    def release(self) -> None:
        self.released = True


def opened_as(count: float, grabs: list[bool], path: Path, monkeypatch) -> frames.Source:
    monkeypatch.setattr(frames, "open_file", lambda _: Capture(count, grabs))
    path.write_bytes(b"no container that is known")
    return open_source(path)


@pytest.mark.parametrize("count", [60, 35, 10, 1000, 0, -1, float("nan"), -9.2e18, 9.2e18])
def test_a_headers_count_is_an_estimate(tmp_path: Path, monkeypatch, count: float) -> None:
    source = opened_as(count, [True] * 35, tmp_path / "a.mp4", monkeypatch)
    assert len(list(source.frames())) == 35


def test_a_video_much_shorter_than_its_header_is_said(tmp_path: Path, monkeypatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(frames, "open_file", lambda _: Capture(60, [True] * 35))
    (tmp_path / "a.mp4").touch()
    list(open_source(tmp_path / "a.mp4", Reading(tell=said.append)).frames())
    assert said == ["a: 35 frames came; the header's estimate is 60"]


def test_a_break_in_the_middle_is_the_decoders_error(tmp_path: Path, monkeypatch) -> None:
    source = opened_as(60, [True] * 20 + [False] * 5 + [True] * 20, tmp_path / "a.mp4", monkeypatch)
    seen = []
    with pytest.raises(BadInput, match="a: the decoder fails after frame 20, though more frames follow"):
        seen.extend(source.frames())
    assert len(seen) == 20


def boxes(*sizes: tuple[bytes, int]) -> bytes:
    return b"".join(struct.pack(">I4s", size, kind) + bytes(size - 8) for kind, size in sizes)


MATROSKA = b"\x1a\x45\xdf\xa3\x84" + bytes(4) + b"\x18\x53\x80\x67"


@pytest.mark.parametrize(
    ("data", "missing"),
    [
        (boxes((b"ftyp", 16), (b"mdat", 50), (b"moov", 40)), 0),
        (boxes((b"ftyp", 16), (b"moov", 40), (b"mdat", 50))[:-9], 9),
        (boxes((b"ftyp", 16)) + struct.pack(">I4sQ", 1, b"mdat", 100) + bytes(70), 14),
        (boxes((b"ftyp", 16)) + struct.pack(">I4s", 0, b"mdat") + bytes(7), 0),  # to the end of the file
        (b"RIFF" + struct.pack("<I", 100) + b"AVI " + bytes(96), 0),
        (b"RIFF" + struct.pack("<I", 100) + b"AVI " + bytes(46), 50),
        (MATROSKA + b"\x8a" + bytes(10), 0),
        (MATROSKA + b"\x01" + struct.pack(">Q", 100)[1:] + bytes(30), 70),
        (MATROSKA + b"\x01" + b"\xff" * 7 + bytes(3), 0),  # a live recording: not known
        (b"\x47" + bytes(187), 0),
        (b"", 0),
    ],
)
def test_a_file_shorter_than_its_own_structure(tmp_path: Path, data: bytes, missing: int) -> None:
    (tmp_path / "v").write_bytes(data)
    assert recording.missing_bytes(tmp_path / "v") == missing


@pytest.mark.parametrize("codec", ["mp4v", "MJPG"])
def test_real_files_lack_nothing_until_they_are_cut(tmp_path: Path, codec: str) -> None:
    path = tmp_path / ("a.mp4" if codec == "mp4v" else "a.avi")
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 25, (64, 48))
    random = np.random.default_rng(0)
    for _ in range(20):
        writer.write(random.integers(0, 255, (48, 64, 3), np.uint8))
    writer.release()
    assert recording.missing_bytes(path) == 0
    assert len(list(open_source(path).frames())) == 20
    data = path.read_bytes()
    path.write_bytes(data[:-100])
    assert recording.missing_bytes(path) in (100, 92)  # 8 where the box's own head is cut off


@pytest.mark.parametrize(("start", "every"), [(0, 1), (3, 1), (0, 4), (5, 3), (11, 1)])
@pytest.mark.parametrize("kind", ["video", "folder"])
def test_a_part_is_a_slice(
    square_video: Callable[[int], Path], square_folder: Path, kind: str, start: int, every: int
) -> None:
    path = square_folder if kind == "folder" else square_video(12)
    whole = list(open_source(path).frames())
    part = open_source(path, Reading(start=start, every=every))
    got = list(part.frames())
    assert part.count == len(got)
    np.testing.assert_array_equal(got, whole[start::every])


def test_a_part_of_an_annotated_sequence_starts_from_its_own_row(square_folder: Path, moving_square) -> None:
    assert open_source(square_folder, Reading(start=4)).first_box == moving_square.box(4)


@pytest.mark.parametrize("kind", ["video", "folder", "demo"])
def test_a_part_that_starts_behind_the_end(square_video: Callable[[int], Path], square_folder: Path, kind: str) -> None:
    path = {"video": square_video(12), "folder": square_folder, "demo": None}[kind]
    with pytest.raises(BadInput, match="none to start at: start is 1000"):
        next(open_source(path, Reading(start=1000)).frames())


def test_track_takes_a_part(cdedge: Callable[..., Done], tiny_model: Path, square_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "boxes.txt"
    done = cdedge("track", tiny_model, square_folder, "--start", 2, "--every", 3, "--frames", 3, "-o", out)
    assert done.returncode == 0, done.stderr
    rows = np.loadtxt(out, delimiter=",")
    assert len(rows) == 3
    np.testing.assert_allclose(rows[0], [47, 55, 24, 20])  # the square in frame 2, 1-based
    done = cdedge("track", tiny_model, 0, "--start", 2)
    assert (done.returncode, "start and every are for recordings" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    "values",
    [
        {"start": -1},
        {"every": 0},
        {"reconnect_s": -1},
        {"timeout_s": 0},
        {"depth_range": (5, 5)},
        {"start": "3"},
        {"timeout_s": None},
    ],
)
def test_a_reading_that_cannot_be_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(BadValue) as caught:
        Reading(**values)  # type: ignore[arg-type]
    assert caught.value.field == next(iter(values))


@pytest.mark.parametrize("name", ["7", "take!1.avi", "2024-05-01T12:30:00.avi", "take%03d.avi", "rtsp:", "-", "csi:0"])
def test_an_existing_files_name_is_nothing_else(
    square_video: Callable[[int], Path], tmp_path: Path, monkeypatch, name: str
) -> None:
    (tmp_path / "names").mkdir()
    shutil.copy(square_video(3), tmp_path / "names" / name)
    monkeypatch.chdir(tmp_path / "names")
    source = open_source(name)
    assert not source.live
    assert len(list(source.frames())) == 3


def test_a_file_address_is_a_recording(square_video: Callable[[int], Path], tmp_path: Path) -> None:
    shutil.copy(square_video(3), tmp_path / "a b.avi")
    source = open_source((tmp_path / "a b.avi").as_uri())
    assert (source.name, source.live, source.count) == ("a b", False, 3)


@pytest.mark.parametrize("text", ["²", "99999999999", "nowhere.mp4", "x" * 5000, "a\0b", "file:///nowhere", "12345"])
def test_what_names_nothing_is_one_error(text: str) -> None:
    with pytest.raises(BadInput):
        open_source(text)


@pytest.mark.parametrize("source", [7, 1.5, ["a"], object(), ""])
def test_what_is_no_name_is_refused(source: object) -> None:
    with pytest.raises(BadInput, match="source: expected"):
        open_source(source)  # type: ignore[arg-type]
