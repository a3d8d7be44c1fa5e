"""Sources of frames: a video, a folder of images, a benchmark sequence, a camera, a stream, a pipe, the demo clip."""

from __future__ import annotations

import math
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import cv2

from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput, Usage
from cdedge_runtime.files import StrPath, as_path
from cdedge_runtime.image import Frame
from cdedge_runtime.plain import plain

from .alike import Picture, as_frames
from .annotations import IMAGE_SUFFIXES, Annotation, find_annotation, sequence_images
from .board import open_board_camera
from .captures import open_address, open_camera, open_descriptor, open_fifo, open_file, open_pipeline, shown_name
from .images import read_picture
from .raw import raw_format, raw_pictures
from .reading import AS_IT_IS, Reading
from .recording import frame_count, pictures_of
from .stream import Link, Opener, live_pictures

VIDEO_SUFFIXES = frozenset(
    {".avi", ".flv", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ogv", ".webm", ".wmv"}
)
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_BOARD_CAMERA = re.compile(r"(csi|picamera):(\S+)")
_VIDEO4LINUX = 81  # major number of its devices (Linux, Documentation/admin-guide/devices.txt)


@dataclass(frozen=True)
class Source:
    """Frames that can be read, from the first one on, as often as wanted (a live source: only once).

    ``frames()`` yields (H, W, 3) uint8 BGR, all of one size, and raises `BadInput` at a frame that cannot be read.
    ``first_box`` is known for annotated sequences and the demo clip; ``origin`` is their pixel numbering.
    ``count`` and ``fps`` are None where the source does not know them; a video's ``count`` is an estimate.
    ``name`` may be shown and kept: it holds no password and nothing that steers a terminal.
    ``waits``: a live source whose frames wait until they are taken (a pipe), so that none need be skipped.
    ``link`` is how a stream or camera is doing.
    """

    name: str
    frames: Callable[[], Iterator[Frame]]
    first_box: Box | None = None
    origin: int = 0
    count: int | None = None
    fps: float | None = None
    live: bool = False
    notes: tuple[str, ...] = ()
    waits: bool = False
    link: Link | None = None


def open_source(source: StrPath | None, reading: Reading = AS_IT_IS) -> Source:
    """The source that a text or path names; None is the demo clip. What exists as a file is taken for that first.

    Raises `BadInput` where it does not exist or holds no frames. Live sources are opened only when read.
    """
    if not isinstance(reading, Reading):
        raise BadInput(f"reading: expected a Reading, got {type(reading).__name__}", field="reading")
    if source is None:
        return demo_source(reading)
    text = _local(_text_of(source))
    mode = _mode(text)
    if mode is None:
        return _not_a_file(text, reading)
    path = Path(text)
    if stat.S_ISDIR(mode):
        return _folder(path, reading)
    if stat.S_ISREG(mode):
        return _file(path, reading)
    if stat.S_ISCHR(mode) and os.major(path.stat().st_rdev) == _VIDEO4LINUX:
        return _live(partial(open_camera, str(path)), text, reading)
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        return _pipe(partial(open_fifo, path), plain(path.name), reading)
    raise BadInput(f"{plain(text)}: neither a file, a folder, a camera nor a pipe")


def demo_source(reading: Reading = AS_IT_IS) -> Source:
    """The generated demo clip."""
    from . import demo  # a device that tracks a camera need not load it

    clip, numbers = demo.Clip(), range(reading.start, demo.FRAMES, reading.every)
    if not numbers:
        raise BadInput(f"the demo clip has {demo.FRAMES} frames, so none to start at: start is {reading.start}")
    note = "no SOURCE given: using the built-in demo clip"
    return Source(
        "demo",
        lambda: map(clip.frame, numbers),
        clip.box(reading.start),
        count=len(numbers),
        fps=demo.FPS / reading.every,
        notes=(note,),
    )


def first_frame(source: Source) -> Frame:
    """The source's first frame; raises `BadInput` where there is none."""
    frame = next(iter(source.frames()), None)
    if frame is None:
        raise BadInput(f"{source.name}: it has no frames")
    return frame


def image_source(name: str, images: tuple[Path, ...], reading: Reading = AS_IT_IS) -> Source:
    """A source over image files in the given order."""
    chosen = images[reading.start :: reading.every]
    if not chosen:
        raise BadInput(f"{plain(name)}: has {len(images)} frames, so none to start at: start is {reading.start}")
    pictures = partial(map, read_picture, chosen)
    return Source(plain(name), partial(_frames, pictures, plain(name), reading), count=len(chosen))


def _text_of(source: StrPath) -> str:
    as_path(source, "source")
    text = os.fspath(source)
    if not text:
        raise BadInput("source: expected a name, got an empty text (None is the demo clip)", field="source")
    return text


def _local(text: str) -> str:
    """The path of a ``file://`` address; any other text as it is."""
    if not text.lower().startswith("file://") or _mode(text) is not None:
        return text
    return unquote(urlsplit(text).path, errors="surrogateescape")


def _mode(text: str) -> int | None:
    """The file's mode; None where there is no such file. Raises `BadInput` where that cannot be found out."""
    try:
        return Path(text).stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    except OSError as error:
        if _looks_like_an_address(text):  # longer than a file's name can be
            return None
        raise BadInput(f"{shown_name(text)}: cannot be read: {error.strerror}") from error


def _looks_like_an_address(text: str) -> bool:
    return "!" in text or _ADDRESS.match(text) is not None


def _not_a_file(text: str, reading: Reading) -> Source:
    raw, board = raw_format(text), _BOARD_CAMERA.fullmatch(text)
    if text == "-":
        return _pipe(partial(open_descriptor, 0, "stdin"), "stdin", reading)
    if raw is not None:
        return _once("stdin", partial(_frames, partial(raw_pictures, raw), "stdin", reading), reading)
    if board is not None:
        return _live(partial(open_board_camera, board[1], board[2]), text, reading)
    if text.isascii() and text.isdecimal() and len(text) <= 4:
        return _live(partial(open_camera, int(text)), text, reading)
    if _ADDRESS.match(text):
        return _behind_address(text, reading)
    if "!" in text:
        return _live(partial(open_pipeline, text, text), text, reading)
    raise BadInput(
        f"{shown_name(text)}: no such file or folder (nor a camera number, csi:N, picamera:N, an address, a GStreamer "
        "pipeline, - or raw:WIDTHxHEIGHT)",
        field="source",
    )


def _behind_address(address: str, reading: Reading) -> Source:
    """By its path: what ends like a video file is a recording, anything else is live."""
    open_ = partial(open_address, address, reading.timeout_s)
    place = PurePosixPath(urlsplit(address).path)
    if address.lower().startswith(("http", "ftp")) and place.suffix.lower() in VIDEO_SUFFIXES:
        return _recording(open_, plain(unquote(place.stem)), partial(pictures_of, timeout_s=reading.timeout_s), reading)
    return _live(open_, address, reading)


def _folder(path: Path, reading: Reading) -> Source:
    annotation, name = find_annotation(path), path.resolve().name
    if annotation is not None:
        return _annotated(name, annotation, reading)
    return image_source(name, sequence_images(path), reading)


def _annotated(name: str, found: Annotation, reading: Reading) -> Source:
    source = image_source(name, found.images, reading)
    return replace(source, first_box=found.box_at(reading.start), origin=found.origin, notes=found.notes)


def _file(path: Path, reading: Reading) -> Source:
    suffix = path.suffix.lower()
    if suffix == ".onnx":
        raise BadInput(
            f"{plain(str(path))}: a model, expected what it looks at: a video, pictures or a camera", field="source"
        )
    if suffix == ".txt":
        found = find_annotation(path)
        if found is not None:
            return _annotated(path.resolve().parent.name, found, reading)
    if suffix in IMAGE_SUFFIXES - VIDEO_SUFFIXES:
        return image_source(path.stem, (path,), reading)
    return _recording(partial(open_file, path), plain(path.stem), partial(pictures_of, path=path), reading)


def _recording(
    open_: Callable[[], cv2.VideoCapture], name: str, read: Callable[..., Iterator[Picture]], reading: Reading
) -> Source:
    capture = open_()
    count, fps = frame_count(capture), capture.get(cv2.CAP_PROP_FPS)
    capture.release()
    pictures = partial(read, open_, name, start=reading.start, every=reading.every, tell=reading.tell)
    return Source(
        name,
        partial(_frames, pictures, name, reading),
        count=reading.of(count),
        fps=fps / reading.every if 0 < fps < math.inf else None,
    )


def _pipe(open_: Callable[[], cv2.VideoCapture], name: str, reading: Reading) -> Source:
    return _once(name, partial(_frames, partial(pictures_of, open_, name, tell=reading.tell), name, reading), reading)


def _once(name: str, frames: Callable[[], Iterator[Frame]], reading: Reading) -> Source:
    _refuse_a_part(name, reading)
    return Source(name, frames, live=True, waits=True)


def _live(open_: Opener, text: str, reading: Reading) -> Source:
    name, link = shown_name(text), Link()
    _refuse_a_part(name, reading)
    pictures = partial(live_pictures, open_, name, link, reconnect_s=reading.reconnect_s, tell=reading.tell)
    return Source(name, partial(_frames, pictures, name, reading), live=True, link=link)


def _refuse_a_part(name: str, reading: Reading) -> None:
    if (reading.start, reading.every) != (0, 1):
        raise Usage(f"{name} is live: start and every are for recordings", field="start")


def _frames(pictures: Callable[[], Iterator[Picture]], name: str, reading: Reading) -> Iterator[Frame]:
    return as_frames(pictures(), reading.depth_range, name)
