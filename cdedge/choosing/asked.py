"""The box that a command is asked to use: typed or drawn, looked at before it is used."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cdedge.doubts import box_text, doubts, of_corners
from cdedge.show.render import say
from cdedge.spelling import box_words
from cdedge_runtime.box import Box, check_target
from cdedge_runtime.errors import BadInput, Usage

if TYPE_CHECKING:  # the doctor reads its options where OpenCV is broken
    from cdedge_runtime.image import Frame
    from cdedge_runtime.sources.frames import Source

Finder = Callable[["Frame"], "Box | None"]
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+|nan|inf))\s*(%?)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Asked:
    """How the box is given: ``text`` of four numbers or shares, or drawn; ``preview``: where to show it.

    option: by which the text came, for what is said of it.
    """

    text: str | None
    select: bool = False
    preview: Path | None = None
    option: str = "--box"

    @property
    def given(self) -> bool:
        """Whether there is anything to look at."""
        return self.text is not None or self.select or self.preview is not None

    def words(self, box: Box | None, origin: int) -> list[str]:
        """``box``, which was found so, for the next command: as it was typed or drawn; none where nobody gave it."""
        drawn = box_text(box, origin) if self.select and box is not None else None
        return box_words(self.text or drawn)


def finder(asked: Asked, source: Source) -> Finder:
    """How to find the box in the source's first frame; it says what looks wrong, and draws the preview.

    Asks at once where the user is to draw it. Raises `Usage` for a text that is no box, there or here.
    """
    if asked.select and asked.text is not None:
        raise Usage("--select and --box: give the box, or draw it")
    if asked.text is not None:
        _numbers(asked.text, asked.option)  # a text that is no box is refused before any frame is read
    drawn = _drawn(source) if asked.select else None

    def find(frame: Frame) -> Box | None:
        box = drawn if asked.text is None else _typed(asked, asked.text, frame.shape, source.origin)
        if box is not None:
            check_target(box, frame.shape)
            warn(box, frame.shape, source.origin, asked.option)
        if asked.preview is not None:
            _show(asked.preview, frame, box or source.first_box, source)
        return box

    return find


def find_now(asked: Asked, source: Source) -> Box | None:
    """`finder`, on the first frame of a recording; of a live source no frame is taken, so pixels are used as typed."""
    from cdedge_runtime.sources.frames import first_frame

    if not asked.given:
        return None
    if not source.live:
        return finder(asked, source)(first_frame(source))
    if asked.preview is not None:
        raise Usage(f"--preview: {source.name} is live, its first frame is needed for the work; use 'cdedge select'")
    if asked.select:
        return _drawn(source)
    numbers = _numbers(asked.text or "", asked.option)
    if any(share for _, share in numbers):
        raise Usage(
            f"{asked.option} {asked.text}: {source.name} is live, its frames' size is not known yet: give pixels"
        )
    return Box(*(value for value, _ in numbers))


def box_in(text: str, frame_shape: tuple[int, ...], origin: int, option: str = "--box") -> Box:
    """The box that a text means in a frame of shape (H, W, ...); pixels count from ``origin``. Raises `Usage`."""
    height, width = frame_shape[:2]
    places = zip(_numbers(text, option), (width, height, width, height), (origin, origin, 0, 0), strict=True)
    return Box(*(value * whole / 100 if share else value - start for (value, share), whole, start in places))


def _typed(asked: Asked, text: str, frame_shape: tuple[int, ...], origin: int) -> Box:
    """`box_in`, but for corners that were typed as a box: work on another box than is meant is worth a question."""
    option = asked.option
    box = box_in(text, frame_shape, origin, option)
    numbers = Box(*(value for value, _ in _numbers(text, option)))
    meant = None if "%" in text else of_corners(box, frame_shape)
    if meant is None:
        return box
    height, width = frame_shape[:2]
    inside = Box(box.x, box.y, min(box.width, width - box.x), min(box.height, height - box.y))
    size = Box(numbers.x, numbers.y, numbers.width - numbers.x, numbers.height - numbers.y)
    raise Usage(
        f"{option} {text}: leaves the {width}x{height} frame, and looks like corners x1,y1,x2,y2. If so, give "
        f"{option} {box_text(size)}; if not, "
        f"the part of it in the frame, {option} {box_text(inside, origin)}"
    )


def warn(box: Box, frame_shape: tuple[int, ...], origin: int, option: str = "--box") -> None:
    """Say what looks wrong with a box, and the frame's size."""
    for doubt in doubts(box, frame_shape):
        name = "the box" if option == "--box" else option
        say(f"warning: {name} {box_text(box, origin)} in the {frame_shape[1]}x{frame_shape[0]} frame: {doubt}")


def save_ruled(path: Path, frame: Frame, box: Box | None, origin: int) -> None:
    """Write a frame with a ruler, and the box where there is one, as PNG, whole or not at all."""
    import cv2

    from cdedge_runtime.files import write_whole

    from .ruler import ruled

    write_whole(path, cv2.imencode(".png", ruled(frame, box, origin=origin))[1].tobytes())


def _drawn(source: Source) -> Box | None:
    from .choose import choose

    if source.waits:
        raise Usage(f"--select: {source.name} is a pipe, it can be read once: give the box with --box x,y,w,h")
    return choose(source).box


def _numbers(text: str, option: str) -> list[tuple[float, bool]]:
    """Four numbers, each a share of the frame or not."""
    found = [_NUMBER.fullmatch(word) for word in text.split(",")]
    if len(found) != 4 or not all(found):
        raise Usage(
            f"{option} {text}: expected four numbers x,y,w,h, like 312,140,60,48 in pixels or 40%,30%,10%,12% of the "
            "frame"
        )
    return [(float(word[1]), bool(word[2])) for word in found if word]


def _show(path: Path, frame: Frame, box: Box | None, source: Source) -> None:
    if box is None:
        raise BadInput(f"{source.name} has no box to preview in its {frame.shape[1]}x{frame.shape[0]} frame")
    save_ruled(path, frame, box, source.origin)
    say(f"wrote {path}")
