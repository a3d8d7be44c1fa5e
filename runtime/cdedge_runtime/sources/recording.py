"""Recordings, read to their end. The number of frames in a header is an estimate and no proof of damage.

Edit lists, longer sound, variable rates and offsets make healthy videos shorter than their header says. Damage is a
decoder that fails with frames behind it, or a file that is shorter than its own structure.
"""

from __future__ import annotations

import math
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import cv2
import numpy as np

from cdedge_runtime.errors import BadInput

from .alike import Picture
from .captures import keep_depth

_TRIES = 64  # failed reads behind a break; at the end they cost nothing
_MP4_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"moof", b"sidx", b"mfra"})
_MATROSKA, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


def pictures_of(
    open_: Callable[[], cv2.VideoCapture],
    name: str,
    *,
    path: Path | None = None,
    timeout_s: float = math.inf,
    start: int = 0,
    every: int = 1,
    tell: Callable[[str], None],
) -> Iterator[Picture]:
    """Pictures number ``start``, ``start + every``, .. of a recording.

    ``path`` is its file, where it lies here; ``timeout_s`` is the silence after which it counts as lost; ``tell`` is
    told where clearly fewer pictures came than the header says. Raises `BadInput` where nothing can be decoded, or at
    a break, after the pictures before it.
    """
    capture, done = open_(), 0
    keep_depth(capture)
    try:
        while _grabbed(capture, name, timeout_s):
            if done >= start and (done - start) % every == 0:
                yield _retrieved(capture, name, done)
            done += 1
        broken = path is not None and any(capture.grab() for _ in range(_TRIES))
        count = frame_count(capture)
    finally:
        capture.release()
    if done == 0:
        raise BadInput(f"{name}: no frame of the video can be decoded")
    if broken:
        raise BadInput(f"{name}: the decoder fails after frame {done}, though more frames follow: the file is damaged")
    if count is not None and count - done > max(2, count // 50):
        tell(f"{name}: {done} frames came; the header's estimate is {count}")
    missing = 0 if path is None or count is None or done >= count else missing_bytes(path)
    if missing:
        raise BadInput(f"{name}: the file ends {missing} bytes early, after frame {done} of about {count}")
    if done <= start:
        raise BadInput(f"{name}: has {done} frames, so none to start at: start is {start}, counted from 0")


def frame_count(capture: cv2.VideoCapture) -> int | None:
    """The number of frames that the header says, an estimate; None where it says none."""
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return int(count) if 0 < count < 2**40 else None


def missing_bytes(path: Path) -> int:
    """Bytes that an MP4, AVI or Matroska file should hold by its own structure and does not; 0 where not known."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            return max(0, _end_of(file, size) - size)
    except OSError:  # a FIFO cannot be looked at twice
        return 0


def _end_of(file: IO[bytes], size: int) -> int:
    file.seek(0)
    head = file.read(12)
    if head[:4] == b"RIFF":
        return 8 + int.from_bytes(head[4:8], "little")
    if head[:4] == _MATROSKA:
        return _end_of_matroska(file)
    return _end_of_boxes(file, size) if head[4:8] in _MP4_BOXES else 0


def _end_of_boxes(file: IO[bytes], size: int) -> int:
    at = 0
    while at + 8 <= size:
        file.seek(at)
        length, kind = struct.unpack(">I4s", file.read(8))
        if length == 1:
            length = int.from_bytes(file.read(8), "big")
        if length < 8 or kind not in _MP4_BOXES:  # "to the end of the file", or nothing to go by
            return 0
        at += length
    return at


def _end_of_matroska(file: IO[bytes]) -> int:
    file.seek(4)
    header = _vint(file)
    if header is None:
        return 0
    file.seek(header, 1)
    if file.read(4) != _SEGMENT:
        return 0
    length = _vint(file)
    return 0 if length is None else file.tell() + length


def _vint(file: IO[bytes]) -> int | None:
    """Matroska's number of 1 to 8 bytes; None where it means "not known"."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    width = 9 - first[0].bit_length()
    value = int.from_bytes(first + file.read(width - 1), "big") & ((1 << 7 * width) - 1)
    return None if value == (1 << 7 * width) - 1 else value


def _grabbed(capture: cv2.VideoCapture, name: str, timeout_s: float) -> bool:
    begin_s = time.monotonic()
    grabbed = bool(capture.grab())
    waited_s = time.monotonic() - begin_s
    if not grabbed and waited_s > 0.9 * timeout_s:
        raise BadInput(f"{name}: nothing came for {waited_s:.1f} s")
    return grabbed


def _retrieved(capture: cv2.VideoCapture, name: str, number: int) -> Picture:
    ok, picture = capture.retrieve()
    if not ok:
        raise BadInput(f"{name}: frame {number} (from 0) cannot be decoded")
    return np.asarray(picture)
