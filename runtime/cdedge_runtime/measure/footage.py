"""What is to be read: the size of a source's frames and what it takes to read them."""

from __future__ import annotations

from pathlib import Path

from cdedge_runtime.errors import Usage
from cdedge_runtime.sources.annotations import IMAGE_SUFFIXES
from cdedge_runtime.sources.frames import VIDEO_SUFFIXES, Source, first_frame

from .predict import Footage, Reader

_IMAGES = {*IMAGE_SUFFIXES, ".txt"} - VIDEO_SUFFIXES


def footage_of(text: str | None, source: Source) -> Footage:
    """Read the first frame of the source that ``text`` names; raises `Usage` for a live one, which is left alone."""
    if source.live:
        raise Usage(f"frame: {source.name} is live; give the size of its frames as WIDTHxHEIGHT", field="frame_px")
    frame = first_frame(source)
    return Footage((frame.shape[0], frame.shape[1]), reader_of(text))


def reader_of(text: str | None) -> Reader:
    """What reads the source that ``text`` names."""
    if text is None:
        return "demo"
    path = Path(text)
    return "images" if path.is_dir() or path.suffix.lower() in _IMAGES else "video"
