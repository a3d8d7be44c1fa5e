"""Image files, looked at before OpenCV decodes them, and read by bytes: any name and any content is safe."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cdedge_runtime import MAX_FRAME_PIXELS
from cdedge_runtime.errors import BadInput, exhausted
from cdedge_runtime.files import StrPath
from cdedge_runtime.image import Frame
from cdedge_runtime.plain import plain

from .alike import Picture, as_frames
from .captures import quiet

MAX_FILE_BYTES = 8 * MAX_FRAME_PIXELS

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_FLAGS = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION  # annotations are in stored pixels


def read_image(path: StrPath) -> Frame:
    """One image file as (H, W, 3) uint8 BGR; raises `BadInput` naming the file."""
    return next(as_frames([read_picture(path)], None, plain(os.fspath(path))))


def read_picture(path: StrPath) -> Picture:
    """One image file as OpenCV decodes it, (H, W, 3) BGR of its own depth; raises `BadInput` naming the file."""
    name = plain(os.fspath(path))
    try:
        picture = _decoded(_bytes_of(Path(path)))
    except OSError as error:
        raise BadInput(f"{name}: cannot be read: {error.strerror}") from error
    except cv2.error as error:
        raise exhausted(str(error)) or BadInput(f"{name}: cannot be decoded as an image: {error.err}") from error
    except BadInput as error:
        raise BadInput(f"{name}: cannot be decoded as an image: {error}") from error
    return picture


def _bytes_of(path: Path) -> NDArray[np.uint8]:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise BadInput(f"it takes more than the {MAX_FILE_BYTES / 1e9:.1f} GB that an image may take")
    return np.fromfile(path, np.uint8)


def _decoded(data: NDArray[np.uint8]) -> Picture:
    check_header(memoryview(data))  # type: ignore[arg-type]
    with quiet():
        picture = cv2.imdecode(data, _FLAGS) if data.size else None
    if picture is None:
        raise BadInput("it is of no kind that OpenCV reads, or damaged")
    return np.asarray(picture)


def check_header(data: memoryview) -> None:
    """Raise `BadInput` for a PNG or JPEG that promises more than the file holds, or more than `MAX_FRAME_PIXELS`.

    A decoder reserves memory for what a header promises.
    """
    if data[:8] == _PNG:
        for kind, start, length in _png_chunks(data):
            if kind == b"IHDR" and length >= 8:
                _check_pixels(_number(data, start, 4), _number(data, start + 4, 4))
    elif data[:2] == _JPEG:
        for marker, start, length in _jpeg_segments(data):
            if marker in _FRAME_MARKERS and length >= 7:
                _check_pixels(_number(data, start + 5, 2), _number(data, start + 3, 2))


def _png_chunks(data: memoryview) -> Iterator[tuple[bytes, int, int]]:
    """(kind, place of the content, its length) of each chunk up to the end mark."""
    at, kind = len(_PNG), b""
    while at + 8 <= len(data) and kind != b"IEND":
        length, kind = _number(data, at, 4), bytes(data[at + 4 : at + 8])
        if at + 12 + length > len(data):
            raise BadInput(f"its {kind!r} chunk is said to take {length} bytes, {len(data) - at - 8} follow")
        yield kind, at + 8, length
        at += 12 + length


def _jpeg_segments(data: memoryview) -> Iterator[tuple[int, int, int]]:
    """(marker, place of its length field, length) of each segment up to the pixels."""
    at = len(_JPEG)
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], _number(data, at + 2, 2)
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker == 0xDA or length < 2:
            return
        if at + 2 + length > len(data):
            raise BadInput(f"a segment is said to take {length} bytes, {len(data) - at - 2} follow")
        yield marker, at + 2, length
        at += 2 + length


def _check_pixels(width: int, height: int) -> None:
    if width * height > MAX_FRAME_PIXELS:
        raise BadInput(
            f"it has {width}x{height} pixels, more than the {MAX_FRAME_PIXELS / 1e6:.0f} million of a frame here"
        )


def _number(data: memoryview, start: int, length: int) -> int:
    return int.from_bytes(data[start : start + length], "big")
