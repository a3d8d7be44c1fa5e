"""Files written whole or not at all, scratch folders, what a killed process left of either, and checksums."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeAlias

from .errors import BadEnvironment, BadInput

StrPath: TypeAlias = "str | os.PathLike[str]"

_OURS = re.compile(r"\.cdedge-part-[0-9a-f]{16}(\.\w+)?")
_LONGEST_SUFFIX = 16


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
    """A temporary path that takes the place of ``path`` when the block ends well, and is removed otherwise.

    What is there keeps its kind: a link goes on naming its target, which is what is written; a FIFO or character
    device is written into; a file keeps its mode and owner. A file that cannot be replaced (mounted by itself, in a
    folder that is not ours) is written over, from a copy that is whole.
    The temporary name keeps the suffix, which some writers go by. Raises `BadEnvironment` where it cannot be written.
    """
    with _told(path) as place, ExitStack() as stack:
        part = new_part(place, stack)
        yield part
        _put(part, place)


def write_whole(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``, whole or not at all; raises `BadEnvironment` where it cannot be written."""
    with whole_file(path) as part:
        part.write_bytes(data)


def put_in_place(part: Path, path: Path) -> None:
    """Put a part that is finished in its place, as `whole_file` does; raises `BadEnvironment`."""
    with _told(path) as place:
        _put(part, place)


def opened_alone(path: Path) -> BinaryIO:
    """``path`` emptied, to be written to bit by bit; no other process that asks so writes there until it is closed.

    A FIFO or character device is only opened. Raises `OSError`.
    """
    file = path.open("ab", buffering=0)  # "wb" would empty what another process is writing
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    try:
        with _if_it_has_locks():
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.truncate(0)
    except OSError:
        file.close()
        raise
    return file


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A new folder that becomes ``path`` when the block ends well, and is removed otherwise.

    Raises `BadEnvironment` where it cannot be made or written to, or ``path`` holds something.
    """
    with _told(path) as place:
        around, lock = _made(place.parent, "", folder=True)
        try:
            folder = around / "whole"  # with the mode of any new folder, which that around it does not have
            folder.mkdir()
            yield folder
            try:
                folder.rename(place)
            except OSError as error:
                raise BadEnvironment(f"{path}: cannot be written: {error.strerror}; choose another place") from error
        finally:
            shutil.rmtree(around, ignore_errors=True)
            os.close(lock)


@contextmanager
def made_folder(path: Path) -> Iterator[None]:
    """Make the folder ``path``, where it is not there; what was made goes again if it is empty. Raises `OSError`."""
    new = [place for place in (path, *path.parents) if not place.exists()]
    path.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        with suppress(OSError):  # the first that holds something
            for place in new:
                place.rmdir()


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """An empty folder in the system's place for such, removed when the block ends."""
    try:
        folder, lock = _made(Path(tempfile.gettempdir()), "", folder=True)
    except OSError as error:
        raise BadEnvironment(
            f"{tempfile.gettempdir()}: no folder can be made there: {error.strerror}; set TMPDIR"
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def clear_parts(folder: Path) -> list[Path]:
    """Remove from ``folder`` the parts and scratch folders of processes that are gone; return what was removed.

    A part is ours by its name, and old when nobody holds its lock, which the kernel takes from whoever dies.
    """
    try:
        found = [entry for entry in folder.iterdir() if _OURS.fullmatch(entry.name)]
    except OSError:  # where nothing can be read, nothing is cleared; that it cannot be written is told by others
        return []
    return [entry for entry in found if _clear(entry)]


def is_part(path: Path) -> bool:
    """Whether a file is one that is being written, or a killed process left so."""
    return _OURS.fullmatch(path.name) is not None


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
def _if_it_has_locks() -> Iterator[None]:
    """Take a lock where the file system has such; raises `BlockingIOError` where another process holds it."""
    try:
        yield
    except BlockingIOError as error:
        raise BlockingIOError(error.errno, "another process is writing it") from error
    except OSError:  # a file system without locks
        return


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
    with scratch_folder() as folder:
        link = folder / f"file{path.suffix if path.suffix.isascii() else ''}"
        link.symlink_to(name)
        yield str(link)


def _is_utf8(name: str) -> bool:
    try:
        return name.encode() == os.fsencode(name)
    except UnicodeEncodeError:
        return False


def written_place(path: Path) -> Path:
    """What is written to when ``path`` is: a link's target, there or not; a stream under any of its names."""
    try:
        stream = is_stream(path.stat().st_mode)
    except (OSError, ValueError):
        stream = False
    return path if stream else Path(os.path.realpath(path))  # /dev/stdout leads to what has no name


def is_stream(mode: int) -> bool:
    """Whether a file of this ``st_mode`` is one to write into, not to replace: a FIFO or character device."""
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def new_part(place: Path, stack: ExitStack) -> Path:
    """A new empty file to take the place of a file, removed when ``stack`` closes; raises `OSError`.

    It lies beside ``place``, or in the system's place for temporary files, where ``place`` can only be written over.
    """
    there = _stat(place)
    if there is not None and not (stat.S_ISREG(there.st_mode) or is_stream(there.st_mode)):
        raise IsADirectoryError(None, "it is a folder, or nothing to write to", str(place))
    elsewhere = Path(tempfile.gettempdir())
    if there is not None and is_stream(there.st_mode):
        part, lock = _made(elsewhere, place.suffix)
    else:
        try:
            part, lock = _made(place.parent, place.suffix)
        except OSError:
            if there is None or not os.access(place, os.W_OK):
                raise
            part, lock = _made(elsewhere, place.suffix)
    stack.callback(_drop, part, lock)
    return part


@contextmanager
def _told(path: Path) -> Iterator[Path]:
    """What is written to when ``path`` is; what goes wrong with that is raised as `BadEnvironment`."""
    place = written_place(path)
    try:
        yield place
    except OSError as error:
        if _of_another(error, place):
            raise
        raise BadEnvironment(
            f"{path}: cannot be written: {error.strerror or error}; free some space or choose another place"
        ) from error


def _of_another(error: OSError, place: Path) -> bool:
    """Whether an error is of another file than the one that is written."""
    name = error.filename
    return isinstance(name, str) and name != str(place) and not is_part(Path(name))


def _part_name(suffix: str) -> str:
    kept = suffix if re.fullmatch(r"\.\w+", suffix) and len(suffix) <= _LONGEST_SUFFIX else ""
    return f".cdedge-part-{secrets.token_hex(8)}{kept}"


def _stat(place: Path) -> os.stat_result | None:
    try:
        return place.stat()
    except FileNotFoundError:
        return None


def _made(parent: Path, suffix: str, *, folder: bool = False) -> tuple[Path, int]:
    """A new part in ``parent``, and its lock, which says that somebody is at work on it."""
    while True:
        part = parent / _part_name(suffix)
        if folder:
            part.mkdir(mode=0o700)
        else:
            part.touch(exist_ok=False)
        with suppress(FileNotFoundError):  # whoever clears parts came before our lock
            descriptor = os.open(part, os.O_RDONLY)
            with suppress(OSError):  # a file system without locks: nobody can clear there what a kill leaves
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if part.exists():
                return part, descriptor
            os.close(descriptor)


def _drop(part: Path, lock: int) -> None:
    with suppress(OSError):  # it has taken its place, or its disk is gone, which was told
        part.unlink(missing_ok=True)
    os.close(lock)


def _put(part: Path, place: Path) -> None:
    """Have ``part`` take its place; written over where that is no plain file of this folder, or not replaceable."""
    there = _stat(place)
    written = os.open(part, os.O_RDONLY)  # anew: a writer may have replaced the file we made
    try:
        replaceable = part.parent == place.parent and (there is None or _made_like(written, there))
        os.fsync(written)
    finally:
        os.close(written)
    if replaceable:
        try:
            part.replace(place)
        except OSError:  # EBUSY: a file that is mounted by itself, as in containers
            if there is None:
                raise
        else:
            return
    with part.open("rb") as source, place.open("wb") as target:
        shutil.copyfileobj(source, target)


def _made_like(part: int, there: os.stat_result) -> bool:
    """Give a new file the mode and owner of the one that it replaces; False where we may not."""
    try:
        mine = os.fstat(part)
        if (mine.st_uid, mine.st_gid) != (there.st_uid, there.st_gid):
            os.fchown(part, there.st_uid, there.st_gid)
        os.fchmod(part, stat.S_IMODE(there.st_mode))
    except PermissionError:
        return False
    return True


def _clear(entry: Path) -> bool:
    try:
        descriptor = os.open(entry, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:  # another user's
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    except OSError:  # somebody is at work on it
        return False
    finally:
        os.close(descriptor)
    return True
