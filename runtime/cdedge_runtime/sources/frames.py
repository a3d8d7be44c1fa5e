"""Sources of frames: a video, a folder of images, a benchmark sequence, a camera, a stream, the demo clip."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput
from cdedge_runtime.files import StrPath, as_path
from cdedge_runtime.image import Frame, to_bgr

from .annotations import IMAGE_SUFFIXES, Annotation, find_annotation, sequence_images

_READ_FLAGS = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION  # annotations are in stored pixels
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # a broken video is reported by us, in one line


@dataclass(frozen=True)
class Source:
    """Frames that can be read, from the first one on, as often as wanted (a live source: only once).

    ``frames()`` yields (H, W, 3) uint8 BGR and raises `BadInput` at a frame that cannot be read.
    ``first_box`` is known for annotated sequences and the demo clip; ``origin`` is their pixel numbering.
    ``count`` and ``fps`` are None where the source does not know them.
    """

    name: str
    frames: Callable[[], Iterator[Frame]]
    first_box: Box | None = None
    origin: int = 0
    count: int | None = None
    fps: float | None = None
    live: bool = False
    notes: tuple[str, ...] = ()


def open_source(source: StrPath | None) -> Source:
    """The source that ``source`` names: a path, a camera number, a URL or a pipeline; None is the demo clip.

    Raises `BadInput` where it does not exist or holds no frames. Videos are opened only when read.
    """
    if source is None:
        return demo_source()
    path, text = as_path(source, "source"), str(source)
    if path.is_dir():
        return _folder(path)
    if path.is_file():
        return _file(path)
    if text.isdigit() or "://" in text or "!" in text:
        return _live(text)
    raise BadInput(
        f"{text}: no such file or folder (nor a camera number, a URL or a GStreamer pipeline)", field="source"
    )


def demo_source() -> Source:
    """The generated demo clip."""
    from . import demo  # a device that tracks a camera need not load it

    clip = demo.Clip()
    note = "no SOURCE given: using the built-in demo clip"
    return Source("demo", clip.frames, clip.box(0), count=demo.FRAMES, fps=demo.FPS, notes=(note,))


def first_frame(source: Source) -> Frame:
    """The source's first frame; raises `BadInput` where there is none."""
    frame = next(iter(source.frames()), None)
    if frame is None:
        raise BadInput(f"{source.name}: it has no frames")
    return frame


def image_source(name: str, images: tuple[Path, ...]) -> Source:
    """A source over image files in the given order."""
    return Source(name, lambda: (read_image(p) for p in images), count=len(images))


def read_image(path: Path) -> Frame:
    """One image file as (H, W, 3) uint8 BGR; raises `BadInput` naming the file."""
    image = cv2.imread(str(path), _READ_FLAGS)
    if image is None:
        raise BadInput(f"{path}: cannot be decoded as an image")
    return np.asarray(image, np.uint8)


def _folder(path: Path) -> Source:
    annotation = find_annotation(path)
    if annotation is not None:
        return _annotated(path.resolve().name, annotation)
    return image_source(path.resolve().name, sequence_images(path))


def _annotated(name: str, found: Annotation) -> Source:
    images = found.images
    return Source(
        name,
        lambda: (read_image(p) for p in images),
        found.first_box,
        origin=found.origin,
        count=len(images),
        notes=found.notes,
    )


def _file(path: Path) -> Source:
    if path.suffix.lower() == ".txt":
        found = find_annotation(path)
        if found is not None:
            return _annotated(path.resolve().parent.name, found)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return image_source(path.stem, (path,))
    capture = _open_capture(str(path))
    count, fps = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), capture.get(cv2.CAP_PROP_FPS)
    capture.release()
    known = count if count > 0 else None
    return Source(path.stem, lambda: _video_frames(str(path), known), count=known, fps=fps if fps > 0 else None)


def _live(text: str) -> Source:
    return Source(text, lambda: _video_frames(text, None), live=True)


def _open_capture(text: str) -> cv2.VideoCapture:
    if text.isdigit():
        capture = cv2.VideoCapture(int(text))
    elif "!" in text:
        _need_gstreamer(text)
        capture = cv2.VideoCapture(text, cv2.CAP_GSTREAMER)
    else:
        capture = cv2.VideoCapture(text)
    if not capture.isOpened():
        capture.release()
        raise BadInput(f"{text}: OpenCV cannot open it as a video, camera or stream")
    return capture


def _need_gstreamer(text: str) -> None:
    if not cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER):  # getBackends lists it even where it is absent
        raise BadInput(
            f"{text[:40]}...: this OpenCV was built without GStreamer; use the system's OpenCV or another SOURCE"
        )


def _video_frames(text: str, count: int | None) -> Iterator[Frame]:
    capture = _open_capture(text)
    done = 0
    try:
        while True:
            ok, frame = capture.read()
            if not ok:
                break
            done += 1
            yield to_bgr(frame)
            del frame
    finally:
        capture.release()
    # Containers may overstate their length by a frame or two; a larger gap is damage.
    if done == 0 or (count is not None and done < count - max(2, count // 50)):
        raise BadInput(f"{text}: the video cannot be decoded beyond frame {done} of {count or 'an unknown number'}")
