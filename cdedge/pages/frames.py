"""Frames as pictures: a small JPEG inside the page with boxes drawn over it; a gallery of failures."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

import cv2
import numpy as np

from cdedge.evaluation.sequence import Frame
from cdedge_runtime.box import Box

from .failures import FailureFrame

URI_BYTES = 40_000
_LONGEST_PX = 480
_QUALITIES = (80, 65, 50)
_HEAD = "data:image/jpeg;base64,"
_KEY = '<p class="key"><span class="truth"></span> ground truth <span class="predicted"></span> prediction</p>'


def failure_gallery(failures: Sequence[FailureFrame]) -> str:
    """All failures side by side under one key."""
    return f'{_KEY}<div class="frames">{"".join(_figure(failure) for failure in failures)}</div>'


def jpeg_uri(image: Frame) -> str:
    """``image``, (H, W, 3) uint8 BGR, as a data URI of at most 40 kB, made smaller until it fits."""
    longest = _LONGEST_PX
    while True:
        small = _shrunk(image, longest)
        for quality in _QUALITIES:
            data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            uri = _HEAD + base64.b64encode(data.tobytes()).decode("ascii")
            if len(uri) <= URI_BYTES:
                return uri
        longest = longest * 3 // 4


def _shrunk(image: Frame, longest_px: int) -> Frame:
    height, width = image.shape[:2]
    scale = longest_px / max(height, width)
    if scale >= 1:
        return image
    target = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, target, interpolation=cv2.INTER_AREA), np.uint8)


def overlaid(image: Frame, boxes: Sequence[tuple[Box, str]], words: str) -> str:
    """A picture with boxes over it, each with its class of page.css; ``words`` say what is to be seen."""
    height, width = image.shape[:2]
    shapes = "".join(_rectangle(box, css) for box, css in boxes)
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(words)}">'
        f'<image href="{jpeg_uri(image)}" width="{width}" height="{height}" preserveAspectRatio="none"/>{shapes}</svg>'
    )


def _figure(failure: FailureFrame) -> str:
    boxes = [(failure.truth, "truth")]
    if failure.prediction is not None:
        boxes.append((failure.prediction, "predicted"))
    return (
        f"<figure>{overlaid(failure.image, boxes, _words(failure))}"
        f"<figcaption><strong>{escape(failure.tracker)}</strong> on {escape(failure.sequence)} "
        f"<span>{_caption(failure)}</span></figcaption></figure>"
    )


def _words(failure: FailureFrame) -> str:
    return f"{failure.tracker} loses the target of {failure.sequence} in {_caption(failure)}"


def _caption(failure: FailureFrame) -> str:
    text = f"frame {failure.index + 1:,} of {failure.frames:,}"
    if failure.prediction is None:
        return f"{text}; no box reported"
    return text if _is_visible(failure.prediction, failure.image) else f"{text}; prediction outside the image"


def _is_visible(box: Box, image: Frame) -> bool:
    height, width = image.shape[:2]
    return box.x < width and box.y < height and box.x + box.width > 0 and box.y + box.height > 0


def _rectangle(box: Box, css: str) -> str:
    place = f'x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'
    return f'<rect class="halo" {place}/><rect class="{css}" {place}/>'
