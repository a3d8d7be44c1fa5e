"""What a frame is: 8-bit BGR pixels, made of any common kind of picture, and its identity."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
from numpy.typing import NDArray

from .errors import BadInput

Frame = NDArray[np.uint8]


def to_bgr(frame: NDArray[np.generic]) -> Frame:
    """Any common frame as (H, W, 3) uint8 BGR: grey, one channel, BGR or BGRA; 8 or 16 bit.

    Raises `BadInput` for anything else. A frame that already fits is returned as it is.
    """
    if frame.dtype == np.uint16:
        frame = (np.asarray(frame, np.uint16) >> 8).astype(np.uint8)
    if frame.dtype != np.uint8 or frame.size == 0 or frame.ndim not in (2, 3):
        raise BadInput(f"a frame must be (H, W[, 1|3|4]) uint8 or uint16, got {frame.shape} {frame.dtype}")
    channels = 1 if frame.ndim == 2 else frame.shape[2]
    if channels == 3:
        return frame  # type: ignore[return-value]
    if channels not in (1, 4):
        raise BadInput(f"a frame must have 1, 3 or 4 channels, got {channels}")
    code = cv2.COLOR_GRAY2BGR if channels == 1 else cv2.COLOR_BGRA2BGR
    return np.asarray(cv2.cvtColor(frame, code), np.uint8)


def frame_sha256(frame: Frame) -> str:
    """A frame's identity: the SHA-256 of its size and pixels."""
    return hashlib.sha256(repr(frame.shape).encode() + np.ascontiguousarray(frame).tobytes()).hexdigest()
