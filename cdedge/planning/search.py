"""The search: export every candidate, predict its memory, measure what is promising, keep the files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import cast

from cdedge_export.network.backbones import CDEDGE_DEEP
from cdedge_export.network.own_head import CDEDGE_HEAD
from cdedge_export.options import ExportOptions, Mode
from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadModel, Usage
from cdedge_runtime.image import Frame
from cdedge_runtime.measure.predict import Footage, predict
from cdedge_runtime.measure.probe import ProbeReport, Request, measure
from cdedge_runtime.model.contract import ModelSpec, Precision
from cdedge_runtime.model.graph import node_count
from cdedge_runtime.sources.frames import Source

from .budget import Budget, Candidate, Option

_SLACK = 1.15  # predicted memory may be wrong by so much before a candidate is left out unmeasured
_HOPELESS = 0.5  # of the wanted frame rate: what does more work than a file this slow is left out unmeasured

_MODES, _PRECISIONS = ("chain", "exact"), ("fp32", "int8", "fp16")

Measure = Callable[[Request], ProbeReport]


@dataclass(frozen=True)
class Scene:
    """What is planned for: a source by its text, the target in its first frame, and how much of it to run."""

    text: str | None
    source: Source
    box: Box
    frames: list[Frame]
    footage: Footage
    measured_frames: int
    threads: int
    weights: str | None


@dataclass(frozen=True)
class Made:
    """An exported candidate: its file, its contract, how many nodes its graph has, its margin."""

    candidate: Candidate
    model: Path
    spec: ModelSpec
    nodes: int
    margin: float


@dataclass(frozen=True)
class Found:
    """What a search found: options with their files, in the order of the candidates, and who was left out and why."""

    options: tuple[tuple[Option, Path], ...]
    left_out: tuple[str, ...]


def candidates(
    layers: Sequence[str],
    channels: Sequence[str],
    modes: Sequence[str],
    inputs: Sequence[int],
    precisions: Sequence[str] | None,
    deep: Sequence[str | None] = (None,),
    deep_head: str | None = None,
) -> tuple[Candidate, ...]:
    """Every combination that differs: with one layer, or all channels, the first mode stands for all.

    deep: networks to try beside the first layers, mode and input; None is every combination without one. deep_head: of
    those that are files, or ``cdedge_head``, of our own. precisions: None is int8 for our own network, as an export
    has it, and fp32 for all else. Raises `Usage` for an unknown mode or precision, and for a head without
    its network.
    """
    usual = precisions or ("fp32",)
    for given, known in ((modes, _MODES), (usual, _PRECISIONS)):
        if not set(given) <= set(known):
            raise Usage(f"{','.join(given)}: expected some of {', '.join(known)}")
    _check_head(deep, deep_head, usual)
    found = list[Candidate]()
    for network in deep:
        if network is not None:
            is_ours = network == CDEDGE_DEEP.name
            head = deep_head if is_ours == (deep_head == CDEDGE_HEAD.name) else None
            pairs = product(channels, precisions or ("int8" if is_ours else "fp32",))
            found += [Candidate(layers[0], kept, modes[0], inputs[0], p, network, head) for kept, p in pairs]
            continue
        found += [
            Candidate(layer, kept, mode, side, precision)
            for layer, kept, mode, side, precision in product(layers, channels, modes, inputs, usual)
            if mode == modes[0] or ("+" in layer and kept != "all")
        ]
    return tuple(found)


def _check_head(deep: Sequence[str | None], head: str | None, precisions: Sequence[str]) -> None:
    if head is None:
        return
    own = head == CDEDGE_HEAD.name
    if (CDEDGE_DEEP.name not in deep) if own else set(deep) <= {None, CDEDGE_DEEP.name}:
        raise Usage("deep_head: it goes with the network that it was trained with; add deep with the path of that")
    if "int8" in precisions and not own:
        raise Usage("deep_head: a box head from a file has fp32 and fp16, not int8; leave it out, or plan without int8")


def check_all(chosen: Sequence[Candidate], weights: str | None) -> None:
    """Raise, as `pipeline.check` does, what no source could change of a candidate."""
    from cdedge_export.pipeline import check

    for candidate in chosen:
        check(options_of(candidate, weights))


def make(
    chosen: Sequence[Candidate], scene: Scene, folder: Path, step: Callable[[], None]
) -> tuple[list[Made], tuple[str, ...]]:
    """Export every candidate into ``folder`` and judge it; says which precision spoils. ``step`` is called after each.

    Margins are of one place: where the file with the most multiplications, of those without a deep network if there are
    such, finds the target in frame 2.
    """
    from cdedge_export.choose.quality import Judge, located, margin
    from cdedge_export.pipeline import export

    made, spoiled = list[Made](), list[str]()
    for number, candidate in enumerate(chosen):
        model, options = folder / f"{number}.onnx", options_of(candidate, scene.weights)
        try:
            report = export(scene.source, scene.box, model, options=options, timed=False)
            made.append(Made(candidate, model, report.spec, node_count(model), 0.0))
        except BadModel as error:
            if candidate.precision == "fp32":
                raise
            spoiled.append(f"{candidate.name}: {error}")
        step()
    if not made:
        return [], tuple(spoiled)
    reference = max(made, key=lambda each: (each.spec.deep is None, each.spec.macs))
    place = located(Judge(reference.model, scene.frames, scene.box), scene.box.center)
    judged = [replace(m, margin=margin(Judge(m.model, scene.frames, scene.box), place)) for m in made]
    return judged, tuple(spoiled)


def evaluate(
    made: Sequence[Made],
    scene: Scene,
    budget: Budget,
    *,
    slowdown: float | None,
    measured_here: bool,
    step: Callable[[], None],
    measure_one: Measure = measure,
) -> Found:
    """Give every promising candidate its figures, the one with the least work first; ``step`` is called after each.

    ``slowdown``: how many times as long a frame takes on the device; None: it cannot be told, nothing is run.
    ``measured_here``: the device is this machine, so that memory is what was measured.
    """
    found, left_out, too_slow = list[tuple[Option, Path]](), list[str](), list[Made]()
    # The smallest is measured at any rate, so that a miss has a name.
    smallest = min(made, key=lambda each: _predicted(each, scene), default=None)
    for each in sorted(made, key=lambda m: m.spec.macs):
        reason = None if each is smallest else _unpromising(each, scene, budget, too_slow)
        if reason is not None:
            left_out.append(f"{each.candidate.name}: {reason}")
        else:
            option = _figures(each, scene, slowdown=slowdown, measured_here=measured_here, measure_one=measure_one)
            found.append((option, each.model))
            if budget.min_fps is not None and option.fps is not None and option.fps < _HOPELESS * budget.min_fps:
                too_slow.append(each)
        step()
    return Found(tuple(found), tuple(left_out))


def _unpromising(each: Made, scene: Scene, budget: Budget, too_slow: Sequence[Made]) -> str | None:
    """Why a candidate is not worth measuring."""
    said = _predicted(each, scene)
    if budget.max_memory_bytes is not None and said > _SLACK * budget.max_memory_bytes:
        return f"predicted {said / 1e6:.1f} MB"
    for slow in too_slow:
        if slow.spec.macs <= each.spec.macs and slow.spec.channels <= each.spec.channels:
            return f"more work than {slow.candidate.name}, which is far too slow"
    return None


def _figures(each: Made, scene: Scene, *, slowdown: float | None, measured_here: bool, measure_one: Measure) -> Option:
    said = _predicted(each, scene)
    if slowdown is None:
        return Option(each.candidate, _kept(each.spec), said, None, each.margin, measured=False)
    box = (scene.box.x, scene.box.y, scene.box.width, scene.box.height)
    report = measure_one(Request(str(each.model), scene.text, box, scene.measured_frames, "cpu", scene.threads))
    found = report.memory.over_floor_bytes if measured_here else None
    return Option(
        each.candidate,
        _kept(each.spec),
        said if found is None else found,
        report.fps_without_read / slowdown,
        each.margin,
        measured=found is not None,
    )


def _kept(spec: ModelSpec) -> int:
    """Channels of the layers and of the deep network."""
    return spec.channels + (0 if spec.deep is None else spec.deep.channels)


def _predicted(each: Made, scene: Scene) -> int:
    return predict(each.spec, scene.footage, nodes=each.nodes, threads=scene.threads).over_floor_bytes


def options_of(candidate: Candidate, weights: str | None) -> ExportOptions:
    """What ``cdedge export`` makes the candidate from."""
    every, precision = candidate.channels == "all", cast(Precision, candidate.precision)
    return ExportOptions(
        layers=candidate.layers,
        weights=weights,
        mode=cast(Mode, candidate.mode),
        precision="fp32" if candidate.deep is not None else precision,
        distill=False if every else None,
        channels=None if every else candidate.channels,
        input_px=candidate.input_px,
        deep=candidate.deep,
        deep_head=candidate.deep_head,
        deep_precision=None if candidate.deep is None else precision,
    )
