"""What a frame is: 8-bit BGR pixels, made of any common kind of picture, and its identity."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
from numpy.typing import NDArray

from .box import Box, BoxLike, as_box, check_target
from .errors import BadInput

Frame = NDArray[np.uint8]

LARGEST_SIDE_PX = 32_766  # what OpenCV's warp can address


def to_bgr(frame: NDArray[np.generic]) -> Frame:
    """Any common frame as (H, W, 3) uint8 BGR: grey, one channel, BGR or BGRA; 8 or 16 bit.

    Raises `BadInput` for anything else. A frame that already fits is returned as it is.
    """
    if not isinstance(frame, np.ndarray):
        raise BadInput(
            f"frame: expected a numpy array (H, W[, 1|3|4]) uint8 or uint16, got {type(frame).__name__}", field="frame"
        )
    if frame.dtype.newbyteorder("=") == np.uint16:  # a TIFF may be read in the byte order of its file
        frame = (np.asarray(frame, np.uint16) >> 8).astype(np.uint8)
    channels = 1 if frame.ndim == 2 else frame.shape[-1] if frame.ndim == 3 else 0
    if frame.dtype != np.uint8 or frame.size == 0 or channels not in (1, 3, 4):
        raise BadInput(
            f"frame: expected (H, W[, 1|3|4]) uint8 or uint16, not empty, got {frame.shape} {frame.dtype}",
            field="frame",
        )
    if max(frame.shape[:2]) > LARGEST_SIDE_PX:
        raise BadInput(f"frame: expected at most {LARGEST_SIDE_PX} px per side, got {frame.shape[:2]}", field="frame")
    if channels == 3:
        return frame  # type: ignore[return-value]
    code = cv2.COLOR_GRAY2BGR if channels == 1 else cv2.COLOR_BGRA2BGR
    return np.asarray(cv2.cvtColor(frame, code), np.uint8)


def first_frame(frame: NDArray[np.generic], box: BoxLike) -> tuple[Frame, Box]:
    """A frame in BGR and the target in it, both of any kind; raises `BadInput` for what cannot be tracked."""
    image, target = to_bgr(frame), as_box(box)
    check_target(target, image.shape)
    return image, target


def next_frame(frame: NDArray[np.generic], shape: tuple[int, ...]) -> Frame:
    """A further frame in BGR; raises `BadInput` where it has another size than the first one, of ``shape`` (H, W, ...).

    What a tracker knows is in the first frame's pixels.
    """
    image = to_bgr(frame)
    if image.shape[:2] != shape[:2]:
        raise BadInput(
            f"frame: expected {shape[1]}x{shape[0]} px as in the first one, got {image.shape[1]}x{image.shape[0]}; "
            "start anew with init(frame, box)",
            field="frame",
        )
    return image


def frame_sha256(frame: Frame) -> str:
    """A frame's identity: the SHA-256 of its size and pixels."""
    return hashlib.sha256(repr(frame.shape).encode() + np.ascontiguousarray(frame).tobytes()).hexdigest()
