"""What a command will write is looked at before it does any work: nothing that is read, nothing that cannot be."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import gettempdir
from urllib.parse import unquote, urlsplit

from cdedge_runtime.errors import BadEnvironment, Usage
from cdedge_runtime.files import StrPath, clear_parts, is_stream, new_part, written_place
from cdedge_runtime.plain import plain

STDOUT = Path("-")
_JSON = "--json"
_PAGES = (".html", ".htm")

Identity = tuple[int, int] | str


def check_outputs(
    outputs: Mapping[str, Path | None],
    inputs: Iterable[StrPath | None] = (),
    *,
    as_json: bool = False,
    streamed: Collection[str] = (),
) -> None:
    """Look at the files that options name, before the first frame: each can be written, none is read, no two are one.

    ``inputs`` are whatever is read: paths, or other words, which are passed over. ``-`` is standard output for options
    in ``streamed``, and ``as_json`` takes it too. What the shell has standard streams come from or go to counts as
    well. What killed processes left beside the files is cleared.
    Raises `Usage` for what makes no sense, `BadEnvironment` for what this machine does not let us write.
    """
    taken: dict[Identity, str] = _redirected(as_json=as_json)
    read = _read(inputs) if any(map(_is_there, outputs.values())) else {}  # only what is there can be read
    clear_parts(Path(gettempdir()))
    for option, path in outputs.items():
        if path is None:
            continue
        identity = "-" if path == STDOUT else _identity(path)
        if path == STDOUT and option not in streamed:
            raise Usage(f"{option} -: expected the name of a file; this is not written to standard output")
        if identity in read:
            raise Usage(f"{option} {_shown(path)}: is {_shown(read[identity])}, which is read; choose another file")
        if identity in taken and not (path != STDOUT and _is_shared(path, taken[identity])):
            raise Usage(f"{option} and {taken[identity]}: would both write {_shown(path)}; choose another file for one")
        taken[identity] = option
        if path != STDOUT:
            _check_file(option, path)


def refuse_within(option: str, path: Path | None, folders: Iterable[Path]) -> None:
    """Raise `Usage` for a page that would take the place of a file in folders whose files are read; pages are not."""
    if path is None or not _is_there(path) or path.suffix.lower() in _PAGES:
        return
    place = written_place(path)
    inside = next((folder for folder in folders if place.is_relative_to(folder.resolve())), None)
    if inside is not None:
        raise Usage(
            f"{option} {_shown(path)}: is a file of {_shown(inside)}, which is read; choose another name, such as "
            f"{_shown(path.with_suffix('.html'))}"
        )


def check_folder(option: str, path: Path, inputs: Iterable[StrPath | None] = ()) -> None:
    """Look at a folder that will be made or added to; raises `Usage` or `BadEnvironment`."""
    clear_parts(Path(gettempdir()))
    read = _read(inputs) if _is_there(path) else {}
    if _identity(path) in read:
        raise Usage(
            f"{option} {_shown(path)}: is {_shown(read[_identity(path)])}, which is read; choose another folder"
        )
    there = next(place for place in (path, *path.absolute().parents) if os.path.lexists(place))
    if not there.is_dir():
        raise Usage(f"{option} {_shown(path)}: expected a folder, but {_shown(there)} is none")
    clear_parts(there)
    _try_part(f"{option} {_shown(path)}", there / "any")


def _check_file(option: str, path: Path) -> None:
    place, said = written_place(path), f"{option} {_shown(path)}"
    try:
        mode = place.stat().st_mode if os.path.lexists(place) else None
    except (OSError, ValueError) as error:
        raise BadEnvironment(f"{said}: cannot be written: {error}") from error
    if mode is None and not place.parent.is_dir():
        raise BadEnvironment(f"{said}: there is no folder {_shown(place.parent)}; make it first")
    if mode is not None and stat.S_ISDIR(mode):
        raise Usage(f"{said}: expected the name of a file, got a folder or an empty name")
    if mode is not None and not (stat.S_ISREG(mode) or is_stream(mode)):
        raise Usage(f"{said}: expected a file, got a disk or socket, which is not written to")
    if mode is not None and not os.access(place, os.W_OK):
        raise BadEnvironment(f"{said}: cannot be written: permission denied")
    if mode is None or not is_stream(mode):
        clear_parts(place.parent)
        _try_part(said, place)


def _try_part(said: str, place: Path) -> None:
    """Make the file that will be written in place of ``place``, and remove it: only that tells whether it can be."""
    try:
        with ExitStack() as stack:
            space = os.statvfs(new_part(place, stack).parent)
    except OSError as error:
        raise BadEnvironment(f"{said}: cannot be written: {error.strerror or error}") from error
    if space.f_blocks and not space.f_bavail:
        raise BadEnvironment(f"{said}: no space is left on its disk; free some or choose another place")


def _redirected(*, as_json: bool) -> dict[Identity, str]:
    """Who writes already: standard output and error where they go to files, ``--json`` wherever it goes."""
    taken: dict[Identity, str] = {"-": _JSON} if as_json else {}
    for number, name in ((2, "standard error"), (_stdout(), _JSON if as_json else "standard output")):
        there = _descriptor(number)
        if there is not None and (stat.S_ISREG(there.st_mode) or name == _JSON):
            taken[there.st_dev, there.st_ino] = name
    return taken


def _stdout() -> int:
    """Standard output's descriptor; a command keeps it from what libraries print to 1."""
    try:
        return sys.stdout.fileno()
    except (AttributeError, OSError):  # it is closed, or a notebook's
        return 1


def _descriptor(number: int) -> os.stat_result | None:
    try:
        return os.fstat(number)
    except OSError:  # it is closed
        return None


def _is_shared(path: Path, other: str) -> bool:
    """Whether two may write to what ``path`` names: a stream takes both, but for an answer that is to stand alone."""
    mode = path.stat().st_mode if path.exists() else 0
    return stat.S_ISCHR(mode) or (stat.S_ISFIFO(mode) and other != _JSON)


def _is_there(path: Path | None) -> bool:
    return path is not None and os.path.exists(path)  # noqa: PTH110 - False for a name that none can have


def _read(inputs: Iterable[StrPath | None]) -> dict[Identity, Path]:
    """What is read, each file that there is; of a folder, the images and annotations in it; standard input's file."""
    found = {_identity(file): file for given in inputs if given is not None for file in _files_of(given)}
    typed = _descriptor(0)
    if typed is not None and stat.S_ISREG(typed.st_mode):
        found[typed.st_dev, typed.st_ino] = Path("standard input")
    return found


def _files_of(given: StrPath) -> Iterator[Path]:
    path = _local(given)
    if path is None:
        return
    yield path
    folder = path if path.is_dir() else path.parent if path.suffix.lower() == ".txt" else None
    if folder is not None:
        yield from _frames_in(folder)


def _local(given: StrPath) -> Path | None:
    text = os.fspath(given)
    if text.lower().startswith("file://") and not os.path.lexists(text):
        text = unquote(urlsplit(text).path, errors="surrogateescape")
    try:
        return Path(text) if Path(text).exists() else None
    except (OSError, ValueError):  # an address longer than a name can be
        return None


def _frames_in(folder: Path) -> Iterator[Path]:
    from cdedge_runtime.errors import BadInput
    from cdedge_runtime.sources.annotations import find_annotation, sequence_images

    try:
        found = find_annotation(folder)
        yield from sequence_images(folder) if found is None else (found.path, *found.images)
    except BadInput:  # told by whoever reads it
        return


def _identity(path: Path) -> Identity:
    """What two names of one file have in common: the file itself where it is there, else its full name."""
    try:
        there = path.stat()
    except (OSError, ValueError):
        return str(written_place(path))
    return there.st_dev, there.st_ino


def _shown(path: Path) -> str:
    return plain(str(path))
