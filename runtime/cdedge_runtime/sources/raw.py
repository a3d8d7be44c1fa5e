"""Raw frames on standard input, one after the other without a header: ``raw:640x480`` or ``raw:640x480:gray16``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import cv2
import numpy as np

from cdedge_runtime import MAX_FRAME_PIXELS
from cdedge_runtime.errors import BadInput

from .alike import Picture

_LAYOUTS = {"bgr": 3.0, "gray": 1.0, "gray16": 2.0, "i420": 1.5}  # bytes per pixel
_TEXT = re.compile(r"raw:(\d{1,5})x(\d{1,5})(?::(\w+))?")


@dataclass(frozen=True)
class RawFormat:
    """Size of raw frames in pixels, and how a frame lies in memory."""

    width: int
    height: int
    layout: str

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        return int(self.width * self.height * _LAYOUTS[self.layout])


def raw_format(text: str) -> RawFormat | None:
    """What ``raw:WIDTHxHEIGHT[:LAYOUT]`` says; None for another text. Raises `BadInput` for a layout unknown here."""
    found = _TEXT.fullmatch(text)
    if found is None:
        return None
    width, height, layout = int(found[1]), int(found[2]), found[3] or "bgr"
    if layout not in _LAYOUTS:
        raise BadInput(f"{text}: the layout of raw frames must be one of {', '.join(_LAYOUTS)}")
    if min(width, height) < 1 or (layout == "i420" and (width % 2 or height % 2)):
        raise BadInput(f"{text}: expected a size of at least 1x1 pixels, even for i420")
    if width * height > MAX_FRAME_PIXELS:  # so much is reserved before the first byte comes
        raise BadInput(f"{text}: expected at most the {MAX_FRAME_PIXELS / 1e6:.0f} million pixels of a frame here")
    return RawFormat(width, height, layout)


def raw_pictures(form: RawFormat, file: IO[bytes] | None = None) -> Iterator[Picture]:
    """The frames up to the end of the stream; raises `BadInput` where it ends within one."""
    stream, done = file or sys.stdin.buffer, 0
    while block := stream.read(form.frame_bytes):
        if len(block) < form.frame_bytes:
            raise BadInput(
                f"standard input ends within frame {done} (from 0), {len(block)} of {form.frame_bytes} bytes came: "
                f"are the frames {form.width}x{form.height} {form.layout}?"
            )
        yield _picture(block, form)
        done += 1


def _picture(block: bytes, form: RawFormat) -> Picture:
    size = (form.height, form.width)
    if form.layout == "gray16":
        return np.frombuffer(block, "<u2").reshape(size)
    values = np.frombuffer(block, np.uint8)
    if form.layout == "i420":
        return np.asarray(cv2.cvtColor(values.reshape(form.height * 3 // 2, form.width), cv2.COLOR_YUV2BGR_I420))
    return values.reshape(size if form.layout == "gray" else (*size, 3))
