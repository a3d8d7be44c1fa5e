"""What a run is made of: every option that can change its results."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from cdedge_runtime.errors import Usage
from cdedge_runtime.trackers.settings import SETTINGS

_NAMED_WEIGHTS = ("bundled", "imagenet")


@dataclass(frozen=True)
class TrackerOptions:
    """Which tracker, and how it is made.

    tracker: ``deepcd``, ``cf2``, ``cacf``, ``eco``, ``mdnet``, ``opencv:NAME``, or ``raw:FOLDER`` for results from
    elsewhere.
    model: an exported file for all sequences; None distils one per sequence with the options from
    ``backbone`` on, which mean the same as in ``cdedge export``; None there is the export's own default.
    peer_model: files of an OpenCV network tracker. settings: ``NAME=VALUE`` texts that change the tracker's.
    """

    tracker: str = "deepcd"
    model: str | None = None
    peer_model: tuple[str, ...] = ()
    backbone: str = "vgg19"
    layers: str = "11"
    weights: str | None = None
    convention: str | None = None
    mode: Literal["exact", "chain"] = "exact"
    reconstruct: bool = False
    precision: Literal["fp32", "fp16", "int8"] = "fp32"
    distill: bool = True
    channels: str = "auto"
    rank: str = "diverse"
    search: Literal["reduced", "e4", "ncc", "none"] = "none"
    seed: int = 0
    profile: str | None = None
    settings: tuple[str, ...] = ()
    subsample: int = 1
    input_px: int | None = None
    grid: int | None = None

    @property
    def distils(self) -> bool:
        """Whether each sequence gets a model of its own."""
        return self.tracker in SETTINGS and self.model is None

    @property
    def files(self) -> tuple[str, ...]:
        """Files the results depend on."""
        weights = self.weights if self.weights not in _NAMED_WEIGHTS else None
        return tuple(path for path in (self.model, weights, *self.peer_model) if path is not None)


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


def resolved_weights(text: str | None) -> str | None:
    """Make a path of weights absolute; ``bundled`` and ``imagenet`` are names, not paths."""
    return text if text in (None, *_NAMED_WEIGHTS) else str(Path(text).resolve())


def check_tracker(options: TrackerOptions) -> None:
    """Raise `Usage` for a tracker nobody knows, or options of two trackers at once."""
    if options.tracker in SETTINGS:
        if options.peer_model:
            raise Usage("--peer-model is for OpenCV's network trackers, such as --tracker opencv:Nano")
        return
    if not options.tracker.startswith(("opencv:", "raw:")):
        known = ", ".join(SETTINGS)
        raise Usage(f"unknown tracker {options.tracker!r}, expected {known} or opencv:NAME, such as opencv:CSRT")
    if options.model is not None:
        raise Usage(f"--model is for cdedge's own trackers, not for {options.tracker}")


def label(configuration: Configuration) -> str:
    """Name a configuration shortly, by what is not default."""
    chosen, default = configuration.tracker, TrackerOptions()
    words = [chosen.tracker.rpartition(":")[2] if chosen.tracker.startswith("opencv:") else chosen.tracker]
    if chosen.model is not None:
        words.append(Path(chosen.model).stem)
    elif chosen.distils:
        words += [chosen.backbone, chosen.layers]
        rest = [f.name for f in fields(chosen) if f.name not in ("tracker", "model", "backbone", "layers")]
        words += [_word(n, getattr(chosen, n)) for n in rest if getattr(chosen, n) != getattr(default, n)]
    words += [configuration.protocol] * (configuration.protocol != "ope")
    words += [f"threads={configuration.threads}"] * (configuration.threads != 1)
    return "-".join(words)


def _word(name: str, value: object) -> str:
    if name == "distill":
        return "all-channels"
    return f"{name}={Path(value).stem if isinstance(value, str) else value}"


def differences(first: Configuration, second: Configuration) -> list[str]:
    """Lines ``name: first, second`` of the options that differ."""
    a, b = _flat(first), _flat(second)
    return [f"{name}: {a[name]} there, {b[name]} now" for name in a if a[name] != b[name]]


def _flat(configuration: Configuration) -> dict[str, object]:
    outer = {f.name: getattr(configuration, f.name) for f in fields(configuration) if f.name != "tracker"}
    inner = {f.name: getattr(configuration.tracker, f.name) for f in fields(configuration.tracker)}
    return {**inner, **outer}
