"""Videos, images and annotations that were damaged, and annotations in forms that nobody agreed on."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from cdedge_runtime import open_source
from cdedge_runtime.errors import BadInput
from tests.conftest import MovingSquare

from .models import damaged

Rng = np.random.Generator
Verdict = tuple[str, str]
CODECS = {".avi": "MJPG", ".mp4": "mp4v", ".mkv": "mp4v"}
IMAGES = (".png", ".jpg", ".bmp", ".webp", ".tif", ".pgm")
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "latin-1")
_MOST_FRAMES = 5000


def ready(_folder: Path) -> Callable[[Rng, int, Path], Verdict]:
    """The judge of damaged media."""
    clip = MovingSquare(8)

    def judge(rng: Rng, _number: int, place: Path) -> Verdict:
        kind = rng.integers(4)
        if kind == 0:
            return _read(_video(clip, rng, place))
        if kind == 1:
            return _read(_pictures(clip, rng, place))
        return _annotated(clip, rng, place, harmed=kind == 2)

    return judge


def write_video(clip: MovingSquare, path: Path) -> None:
    """The clip as a video whose codec its suffix says."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*CODECS[path.suffix]), 25, (200, 160))
    for index in range(clip.count):
        writer.write(clip.frame(index))
    writer.release()


def _video(clip: MovingSquare, rng: Rng, place: Path) -> Path:
    suffix = list(CODECS)[rng.integers(len(CODECS))]
    path = place / f"clip{suffix}"
    write_video(clip, path)
    path.write_bytes(damaged(path.read_bytes(), rng))
    return path


def _pictures(clip: MovingSquare, rng: Rng, place: Path) -> Path:
    suffix = IMAGES[rng.integers(len(IMAGES))]
    for index in range(3):
        cv2.imwrite(
            str(place / f"{index}{suffix}"), clip.frame(index)[..., 0] if suffix == ".pgm" else clip.frame(index)
        )
    path = place / f"{rng.integers(3)}{suffix}"
    path.write_bytes(damaged(path.read_bytes(), rng))
    return place


def _read(path: Path) -> Verdict:
    shapes = set()
    try:
        for frame in islice(open_source(path).frames(), _MOST_FRAMES):
            shapes.add((frame.shape, str(frame.dtype)))
    except BadInput as error:
        return "clean", str(error)
    right = len(shapes) == 1 and all(shape[2:] == (3,) and kind == "uint8" for shape, kind in shapes)
    return ("clean", "read") if right else ("wrong in silence", f"frames of {shapes}")


def _annotated(clip: MovingSquare, rng: Rng, place: Path, *, harmed: bool) -> Verdict:
    """Bytes changed: a box or an error. Another form of the same numbers: this box, or an error."""
    clip.save(place / "s")
    path = place / "s" / "groundtruth_rect.txt"
    text, form = _rewritten(path.read_text(), rng)
    path.write_bytes(damaged(text, rng) if harmed else text)
    try:
        box = open_source(place / "s").first_box
    except BadInput as error:
        return "clean", str(error)
    if box is None:
        return ("clean", "no box") if harmed else ("wrong in silence", f"no box, and no word: {form}")
    if not np.isfinite(list(box)).all() or (not harmed and not np.allclose(list(box), list(clip.box(0)))):
        return "wrong in silence", f"{form}: read as {box.xywh}"
    return "clean", "read"


def _rewritten(text: str, rng: Rng) -> tuple[bytes, str]:
    separator = [",", "\t", " ", ";", ", ", "  ", " ; ", "|"][rng.integers(8)]
    point = [".", ".", ","][rng.integers(3)]
    end = ["\n", "\r\n", "\r", "\n\n"][rng.integers(4)]
    head = ["", "", "x,y,w,h\n", "# boxes\n", "\n", '"x";"y";"w";"h"\n'][rng.integers(6)]
    encoding = ENCODINGS[rng.integers(len(ENCODINGS))]
    digits = int(rng.integers(0, 4))
    rows = [[f"{float(v):.{digits}f}".replace(".", point) for v in row.split(",")] for row in text.split()]
    rewritten = head + end.join(separator.join(row) for row in rows) + end
    return rewritten.encode(encoding), f"{separator!r} {point!r} {end!r} {head!r} {encoding}, {digits} digits"
