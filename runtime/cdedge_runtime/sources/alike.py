"""Pictures of a source made alike: 8 bit by one range, BGR, and of the first one's size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from cdedge_runtime.errors import BadInput
from cdedge_runtime.image import Frame, to_bgr

Picture = NDArray[np.generic]
Range = tuple[float, float]

_TAILS_PERCENT = (0.1, 99.9)  # a few dead pixels do not set the range
_OTHER_SHAPE = 0.02  # relative difference of width / height that is no rounding


def as_frames(pictures: Iterable[Picture], depth_range: Range | None, name: str) -> Iterator[Frame]:
    """Each picture as (H, W, 3) uint8 BGR of the first one's size.

    Pictures deeper than 8 bit are scaled so that the two values of ``depth_range`` become black and white; None: what
    the first one uses. One range for all: a range per picture would make the target's brightness jump. A picture of
    another size is scaled into the first one's pixels; one of another shape raises `BadInput`, which names ``name``.
    """
    shape: tuple[int, ...] | None = None
    for picture in pictures:
        if picture.dtype != np.uint8 and depth_range is None:
            depth_range = used_range(picture)
        frame = to_bgr(picture if depth_range is None else eight_bit(picture, depth_range))
        del picture  # or it would stay while the next one is read
        shape = shape or frame.shape
        yield frame if frame.shape == shape else _fitted(frame, shape, name)
        del frame


def eight_bit(picture: Picture, depth_range: Range) -> Picture:
    """A picture scaled and clipped so that the values of ``depth_range`` become 0 and 255; one of 8 bit as it is."""
    if picture.dtype == np.uint8:
        return picture
    low, high = depth_range
    scaled = (np.nan_to_num(np.asarray(picture, np.float32), nan=low) - low) * (255 / (high - low))
    return np.asarray(np.clip(scaled + 0.5, 0, 255), np.uint8)


def used_range(picture: Picture) -> Range:
    """The values between which all but a thousandth of a picture's values at either end lie."""
    values = np.asarray(picture, np.float32)
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, _TAILS_PERCENT) if finite.size else (0.0, 1.0)
    return float(low), float(high) if high > low else float(low) + 1


def _fitted(frame: Frame, shape: tuple[int, ...], name: str) -> Frame:
    height, width = frame.shape[:2]
    if abs(width * shape[0] / (height * shape[1]) - 1) > _OTHER_SHAPE:
        raise BadInput(f"{name}: frames change from {shape[1]}x{shape[0]} to {width}x{height}, which is another shape")
    return np.asarray(cv2.resize(frame, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), np.uint8)
