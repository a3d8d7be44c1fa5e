"""What a run is made of: every option that can change its results."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from cdedge_export.network.backbones import CDEDGE_DEEP
from cdedge_export.network.own_head import CDEDGE_HEAD
from cdedge_export.options import ExportOptions, filled, infos
from cdedge_runtime.errors import Usage
from cdedge_runtime.kinds import names
from cdedge_runtime.record import check_record

_NAMED = ("bundled", "imagenet", CDEDGE_DEEP.name, CDEDGE_HEAD.name)  # networks and weights that are no files
_NAMED_FIRST = ("tracker", "backbone", "layers")


@dataclass(frozen=True)
class TrackerOptions:
    """Which tracker, and how it is made.

    made: what each sequence's model is exported with; its tracker may also be ``opencv:NAME``, or ``raw:FOLDER`` for
    results from elsewhere. model: an exported file for all sequences instead. peer_model: files of an OpenCV network
    tracker.
    """

    made: ExportOptions = field(default_factory=ExportOptions)
    model: str | None = None
    peer_model: tuple[str, ...] = ()

    @property
    def tracker(self) -> str:
        """Its name."""
        return filled(self.made, {}).tracker

    @property
    def distils(self) -> bool:
        """Whether each sequence gets a model of its own."""
        return self.tracker in names() and self.model is None

    @property
    def files(self) -> tuple[str, ...]:
        """Files the results depend on."""
        made = (str(path) for path in _paths(self.made).values())
        return tuple(path for path in (self.model, *made, *self.peer_model) if path is not None)


@dataclass(frozen=True)
class Configuration:
    """One run: a tracker on a data set under a protocol. ``sequences`` None means all.

    threads: of onnxruntime and OpenCV alike while tracking.
    """

    dataset: str
    root: str
    sequences: tuple[str, ...] | None
    protocol: str
    threads: int
    tracker: TrackerOptions

    def __post_init__(self) -> None:
        check_record(self)


def full_path(name: str | Path) -> str:
    """A file's absolute path: a worker, or a later run, may stand in another folder."""
    return str(Path(name).resolve())


def resolved(options: ExportOptions) -> ExportOptions:
    """The options with absolute paths in the place of files' names; ``bundled`` and its like are names, not paths."""
    found: dict[str, Any] = {name: full_path(path) for name, path in _paths(options).items()}
    return replace(options, **found)


def _paths(options: ExportOptions) -> dict[str, Path]:
    """The options that name files, which have a suffix or are there, by field."""
    given = {name: value for name, value in options.given().items() if infos()[name].file and value not in _NAMED}
    return {name: path for name, value in given.items() if (path := Path(value)).suffix or path.exists()}


def check_tracker(options: TrackerOptions) -> None:
    """Raise `Usage` for a tracker nobody knows, or options of two trackers at once."""
    if options.tracker in names():
        if options.peer_model:
            raise Usage("peer_model: it is for OpenCV's network trackers, such as opencv:Nano")
        if options.model is not None:
            _refuse(options.made, "the model is exported already")
        return
    if not options.tracker.startswith(("opencv:", "raw:")):
        known = ", ".join(names())
        raise Usage(f"unknown tracker {options.tracker!r}, expected {known} or opencv:NAME, such as opencv:CSRT")
    if options.model is not None:
        raise Usage(f"a model is for cdedge's own trackers, not for {options.tracker}")
    _refuse(options.made, f"{options.tracker} is not exported")


def _refuse(made: ExportOptions, why: str) -> None:
    given = [name for name in made.given() if name != "tracker"]
    if given:
        raise Usage(f"{given[0]}: {why}; leave it out")


def label(configuration: Configuration) -> str:
    """Name a configuration shortly, by what is not default."""
    chosen = configuration.tracker
    words = [chosen.tracker.rpartition(":")[2] if chosen.tracker.startswith("opencv:") else chosen.tracker]
    if chosen.model is not None:
        words.append(Path(chosen.model).stem)
    elif chosen.distils:
        known = filled(chosen.made, {})
        words += [known.backbone, known.layers]
        rest = {name: value for name, value in chosen.made.given().items() if name not in _NAMED_FIRST}
        words += [_word(name, value) for name, value in rest.items()]
    words += [configuration.protocol] * (configuration.protocol != "ope")
    words += [f"threads={configuration.threads}"] * (configuration.threads != 1)
    return "-".join(words)


def _word(name: str, value: object) -> str:
    if name == "distill":
        return "all-channels"
    return f"{name}={Path(value).stem if isinstance(value, str) else value}"


def data_words(configuration: Configuration, root: Path | None = None) -> list[str]:
    """The options of ``cdedge evaluate`` that name its data, which is in ``root`` now, if not where it was."""
    only = [] if configuration.sequences is None else ["--sequences", ",".join(configuration.sequences)]
    return ["--dataset", configuration.dataset, "--root", str(root or configuration.root), *only]


def differences(first: Configuration, second: Configuration) -> list[str]:
    """Lines ``name: first, second`` of the options that differ in what they mean: a default is as good as its name."""
    if first == second:
        return []
    a, b = _flat(first), _flat(second)
    return [f"{name}: {_said(a[name])} there, {_said(b[name])} now" for name in a if a[name] != b[name]]


def _said(value: object) -> str:
    return "not given" if value is None or value == () else str(value)


def _flat(configuration: Configuration) -> dict[str, object]:
    chosen = configuration.tracker
    if chosen.distils:
        from cdedge_export.recipes.recipe import meant

        chosen = replace(chosen, made=meant(chosen.made))
    outer = {f.name: getattr(configuration, f.name) for f in fields(configuration) if f.name != "tracker"}
    own = {"model": chosen.model, "peer_model": chosen.peer_model}
    return {**{f.name: getattr(chosen.made, f.name) for f in fields(chosen.made)}, **own, **outer}
