"""The desk's front door: what the commands do, as functions that return values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from cdedge_export.options import ExportOptions, infos
from cdedge_runtime.box import Box, BoxLike, as_box
from cdedge_runtime.errors import BadValue, Usage
from cdedge_runtime.files import StrPath, as_path
from cdedge_runtime.sources.frames import Source, open_source

if TYPE_CHECKING:
    from cdedge.evaluation.summary import Summary
    from cdedge_export.report import ExportReport
    from cdedge_runtime.measure.benchmark import BenchReport


def _quiet(_text: str) -> None:
    pass


def export(
    source: StrPath | Source | None,
    *,
    out: StrPath,
    box: BoxLike | None = None,
    say: Callable[[str], None] = _quiet,
    **options: Any,
) -> ExportReport:
    """Distil a model for the target in the first frame of ``source`` and write it to ``out``; as ``cdedge export``.

    source: what `cdedge_runtime.open_source` takes, a `Source`, or None for the demo clip. box: the target in the first
    frame, 0-based pixels; None where the source has an annotation. ``say`` is told each step. ``options``: the fields
    of `cdedge.ExportOptions`, such as ``layers="11+12"``.

    Raises `Usage`, `BadInput`, `BadModel` or `BadEnvironment`; then ``out`` is as it was before.
    """
    from cdedge.outputs import check_outputs
    from cdedge_export.pipeline import check
    from cdedge_export.pipeline import export as run

    asked, target = options_of(options), as_path(out, "out")
    check(asked)
    opened = _opened(source)
    check_outputs({"out": target}, (None if isinstance(source, Source) else source, *asked.files))
    return run(opened, _box(box), target, options=asked, say=say)


def evaluate(
    root: StrPath,
    *,
    out: StrPath,
    dataset: str = "otb",
    sequences: Iterable[str] | None = None,
    model: StrPath | None = None,
    protocol: str = "ope",
    threads: int = 1,
    jobs: int = 1,
    time_limit_s: float | None = None,
    **options: Any,
) -> Summary:
    """Run a tracker over the data set at ``root``, score it and return the scores; as ``cdedge evaluate``.

    out: the results folder; where it holds results of the same configuration, only what is missing is run. model: one
    exported file for all sequences, instead of one each with ``options``. Arguments mean what the command's do; its
    tracker ``opencv:CSRT`` is ``tracker="opencv:CSRT"`` here.

    Raises `Usage`, `BadInput`, `BadModel` or `BadEnvironment`; a sequence that fails is told in the summary's failures.
    """
    from cdedge.evaluation.configuration import Configuration, TrackerOptions, resolved
    from cdedge.evaluation.evaluating import RunSettings, run_and_score
    from cdedge.evaluation.metrics import get_convention

    configuration = Configuration(
        dataset=dataset,
        root=str(as_path(root, "root").resolve()),
        sequences=None if sequences is None else _names(sequences),
        protocol=protocol,
        threads=threads,
        tracker=TrackerOptions(
            made=resolved(options_of(options)),
            model=None if model is None else str(as_path(model, "model").resolve()),
        ),
    )
    settings = RunSettings(jobs, None, time_limit_s, get_convention("otb"), matlab_compat=False)
    return run_and_score(configuration, as_path(out, "out"), settings)


def bench(
    model: StrPath,
    source: StrPath | None = None,
    *,
    box: BoxLike | None = None,
    frames: int | None = None,
    provider: str = "cpu",
    threads: int | None = None,
    repeat: int = 1,
) -> BenchReport:
    """Measure a model's frame rate, stages and memory on ``source`` in fresh processes; as ``cdedge bench``.

    source: as in `export`, but no `Source`, since another process opens it; None is the demo clip. frames: at most so
    many. repeat: so many processes. Raises `BadInput`, `BadModel` or `BadEnvironment`.
    """
    from cdedge_runtime.measure.benchmark import benchmark
    from cdedge_runtime.measure.probe import Request

    given = _box(box)
    start = None if given is None else given.xywh
    text = None if source is None else str(as_path(source, "source"))
    path = str(as_path(model, "model"))
    return benchmark(Request(path, text, start, frames, provider, threads), repeat=repeat)


def _names(sequences: Iterable[str]) -> tuple[str, ...]:
    try:
        names = () if isinstance(sequences, (str, bytes)) else tuple(sequences)
    except TypeError:
        names = ()
    if not names or not all(isinstance(name, str) for name in names):
        raise BadValue(f"sequences: expected names of sequences, or None, got {sequences!r:.60}", field="sequences")
    return names


def options_of(given: dict[str, Any]) -> ExportOptions:
    """The record of options by field name; raises `Usage` for a name it does not have, or a value that does not fit."""
    known = [field.name for field in fields(ExportOptions)]
    unknown = next((name for name in given if name not in known), None)
    if unknown is not None:
        raise Usage(f"{unknown}: no such option, expected one of {', '.join(known)}")
    return replace(ExportOptions(), **{name: _value(name, value) for name, value in given.items()})


def _value(name: str, value: Any) -> Any:
    if infos()[name].file and value is not None:
        return str(as_path(value, name))
    return tuple(value) if isinstance(value, list) else value


def _opened(source: StrPath | Source | None) -> Source:
    if isinstance(source, Source):
        return source
    return open_source(None if source is None else str(as_path(source, "source")))


def _box(box: BoxLike | None) -> Box | None:
    return None if box is None else as_box(box)
