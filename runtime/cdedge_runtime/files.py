"""Files written whole or not at all, and their checksums."""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

from .errors import BadEnvironment, BadInput

StrPath: TypeAlias = "str | os.PathLike[str]"


def as_path(value: StrPath, field: str = "path") -> Path:
    """``value`` as a `Path`; raises `BadInput` naming ``field`` for what no file can be called."""
    try:
        path = Path(value)
    except TypeError:
        raise BadInput(
            f"{field}: expected a path as str or os.PathLike, got {type(value).__name__}", field=field
        ) from None
    if "\0" in str(path):
        raise BadInput(f"{field}: no file can have a NUL in its name, got {str(path)[:60]!r}", field=field)
    return path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place when the block ends well, and is removed otherwise.

    The temporary name keeps the suffix, which some writers go by. Raises `BadEnvironment` where it cannot be written.
    """
    part = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        raise BadEnvironment(
            f"{path}: cannot be written: {error.strerror or error}; free some space or choose another place"
        ) from error
    finally:
        with suppress(OSError):  # a folder that is none was reported above
            part.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``, whole or not at all; raises `BadEnvironment` where it cannot be written."""
    with whole_file(path) as part:
        part.write_bytes(data)


def file_sha256(path: Path) -> str:
    """The file's SHA-256 in hexadecimal; raises `BadInput` where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror or error}") from error
    return digest.hexdigest()


@contextmanager
def utf8_name(path: Path) -> Iterator[str]:
    """An absolute name, in UTF-8, that opens or makes ``path`` while the block lasts.

    OpenCV and onnxruntime take names as UTF-8; OpenCV crashes on one that is not. FFmpeg takes a relative
    ``2024-05-01T12:30.mp4`` for a protocol.
    """
    name = str(path.absolute())
    if _is_utf8(name):
        yield name
        return
    with tempfile.TemporaryDirectory(prefix="cdedge-") as folder:
        link = Path(folder) / f"file{path.suffix if path.suffix.isascii() else ''}"
        link.symlink_to(name)
        yield str(link)


def _is_utf8(name: str) -> bool:
    try:
        return name.encode() == os.fsencode(name)
    except UnicodeEncodeError:
        return False
