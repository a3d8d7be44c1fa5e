"""What every sequence of a configuration would meet is said before any work."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from cdedge_export.options import ExportOptions
from cdedge_runtime.errors import BadEnvironment, BadInput, CdedgeError, MissingExtra, Usage
from cdedge_runtime.model.threads import check_threads

from .configuration import Configuration, TrackerOptions, check_tracker
from .job import check_protocol
from .sweep import SweepRun

_NAMED = 3  # of the runs that one thing stops; the others are counted


def check(configuration: Configuration) -> None:
    """Raise `CdedgeError` for options that do not fit together, or a file that is not there."""
    options = configuration.tracker
    check_threads(configuration.threads)
    check_protocol(configuration.protocol)
    check_tracker(options)
    if options.tracker.startswith("opencv:"):
        from cdedge.evaluation.peers import check_peer

        check_peer(options.tracker.removeprefix("opencv:"), options.peer_model)
    _check_files(options)
    if options.model is not None:
        from cdedge_runtime.model.session import read_spec

        read_spec(Path(options.model))
    if options.distils:
        _check_made(options.made)


def check_runs(file: Path, runs: Iterable[SweepRun]) -> None:
    """Raise one error that names all runs of a sweep which cannot start, and why; this machine's own at once."""
    found = [(item.name, error) for item in runs if (error := _stopped_by(item.configuration)) is not None]
    if not found:
        return
    names: dict[str, list[str]] = {}
    for name, error in found:
        names.setdefault(str(error), []).append(name)
    kind = Usage if all(isinstance(error, Usage) for _, error in found) else BadInput
    reasons = "; ".join(f"{_some(stopped)}: {reason}" for reason, stopped in names.items())
    raise kind(
        f"{file}: nothing was run, as {len(found)} of its runs cannot be: {reasons}. Or take them out of the file"
    )


def _stopped_by(configuration: Configuration) -> CdedgeError | None:
    try:
        check(configuration)
    except BadEnvironment:
        raise
    except CdedgeError as error:
        return error
    return None


def _some(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _check_files(options: TrackerOptions) -> None:
    for path in options.files:
        if not Path(path).is_file():
            raise BadInput(f"{path} is not there; put the file there, or a link to it")


def _check_made(made: ExportOptions) -> None:
    missing = [name for name in ("torch", "onnx", "scipy") if find_spec(name) is None]
    if missing:
        raise MissingExtra(f"distilling each sequence needs {missing[0]} (or give --model)", "export")
    from cdedge_export import pipeline

    pipeline.check(made)
