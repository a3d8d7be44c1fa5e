"""One self-contained page for a model on a device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

from cdedge.show.bench_tables import condition_facts, node_text, range_text
from cdedge.show.model_facts import channel_words, model_facts, shown_taps
from cdedge.show.render import size
from cdedge_runtime.files import write_whole
from cdedge_runtime.measure.benchmark import BenchReport
from cdedge_runtime.model.contract import ModelSpec, Tap

from .channels import ChannelPictures, channel_pictures, channel_table
from .latency import latency_figures, latency_text, stage_bars, stage_table
from .memory import Stack, measured_stack, memory_figures
from .page import facts_list, folded, page, paragraph, section, warning
from .tracking import Tracking, tracking_parts, verdict

_STAGES = (
    "Bars: half, 90 % and 99 % of the frames are faster. total includes reading; the demo clip is rendered while it is "
    "read. Nothing is drawn."
)
_KEPT = "Kept: the file's own features. Pruned: the full network's, which the device does not compute. "
_CHOSEN = "The file is generic. Kept: what the first frame chose for this target, of all that the device computes. "
_CHANNELS = (
    "One scale per layer: dark is zero, bright the layer's strongest, the square root between, so that weak maps can "
    "be seen. The outline is the target."
)
_TRACKED = ("Tracking", "One pass over the source on the machine that made this page; its time is not measured.")
_MEASURED = (
    ("Time", "Every run is a fresh process. The first frame and the network's first run are apart from the frames."),
    (
        "Memory",
        "Resident size of the process at its highest (VmHWM), less what it was after the imports and after the first "
        "frame was read. Parts by shape are computed; the rest is what remains of the measured size.",
    ),
)


@dataclass(frozen=True, eq=False)
class DevicePage:
    """What the page shows.

    predicted: memory as predicted, to stand beside what was measured; None where it was not.
    tracking: one pass over the source, here. pictures: of the channels. ``left_out`` says why one of them is None, as
    (what, why).
    """

    model: Path
    spec: ModelSpec
    bench: BenchReport
    tracking: Tracking | None
    predicted: Stack | None
    pictures: ChannelPictures | None
    left_out: tuple[tuple[str, str], ...]


def write_device_page(path: Path, shown: DevicePage) -> None:
    """Write `device_page` to ``path``, whole or not at all; raises `BadEnvironment` where it cannot."""
    write_whole(path, device_page(shown).encode())


def device_page(shown: DevicePage) -> str:
    """HTML of a model on a device."""
    title = f"{shown.model.name} on {_machine(shown.bench)}"
    head = f"<header><h1>{escape(title)}</h1>{facts_list(_head(shown))}</header>"
    warnings = "".join(map(warning, _warnings(shown.bench)))
    return page(title, [head, warnings, *_sections(shown)])


def _sections(shown: DevicePage) -> Iterator[str]:
    bench = shown.bench
    if shown.tracking is not None:
        yield section("Tracking", *tracking_parts(shown.tracking))
    stacks = [stack for stack in (measured_stack(bench.memory), shown.predicted) if stack is not None]
    if stacks:
        yield section("Memory", memory_figures(stacks))
    yield section("Time per stage", stage_bars(bench.stages), stage_table(bench.stages), paragraph(_STAGES))
    latency = latency_figures(bench)
    if latency:
        yield section("Time per frame", latency)
    yield section("Channels", channel_table(shown_taps(replace(shown.spec, taps=_taps(shown)))), *_pictures(shown))
    yield section("The model", facts_list(_model(shown), css="methods"))
    yield section("The machine", facts_list(_conditions(bench), css="methods"))
    notes = [
        *([_TRACKED] if shown.tracking else []),
        *_MEASURED,
        *((f"Left out: {what}", why) for what, why in shown.left_out),
    ]
    yield section("How it was measured", facts_list(notes, css="methods"))


def _head(shown: DevicePage) -> list[tuple[str, str]]:
    bench, spec, times = shown.bench, shown.spec, latency_text(shown.bench)
    return [
        *([("Target", verdict(shown.tracking.estimates))] if shown.tracking else []),
        ("Frames per second", f"{range_text(bench.spread['fps_without_read'])} without reading"),
        *([("Time per frame", times)] if times else []),
        ("Memory", f"{size(bench.memory.tracker_bytes)} over libraries and frames"),
        ("Channels", _channels(spec)),
        ("Provider", f"{bench.provider}, {bench.threads} thread{'s' * (bench.threads != 1)}"),
        ("Source", f"{bench.source}, {bench.frames:,} frames"),
        ("Date", bench.conditions.time[:10]),
    ]


def _channels(spec: ModelSpec) -> str:
    layers = channel_words(spec, f", layers {spec.layers}")
    return layers if spec.deep is None else f"{layers}; {channel_words(spec.deep, f' of {spec.deep.backbone}')}"


def _taps(shown: DevicePage) -> tuple[Tap, ...]:
    """The channels that the tracker works on: the file's, or those of them that a first frame chose."""
    return shown.spec.taps if shown.pictures is None else shown.pictures.chosen or shown.spec.taps


def _pictures(shown: DevicePage) -> Iterator[str]:
    pictures = shown.pictures
    if pictures is not None:
        words = paragraph((_KEPT if pictures.chosen is None else _CHOSEN) + _CHANNELS)
        yield folded("Pictures of the channels", words + channel_pictures(_taps(shown), pictures))
    for what, why in shown.left_out:
        yield warning(f"Left out: {what}. {why}")


def _model(shown: DevicePage) -> list[tuple[str, str]]:
    own = [("file sha256", shown.bench.model_sha256), ("graph nodes", node_text(shown.bench.nodes))]
    return _named([*model_facts(shown.spec, shown.model), *own])


def _conditions(bench: BenchReport) -> list[tuple[str, str]]:
    start = f"{bench.load_ms:.0f} ms to load, {bench.warm_up_ms:.1f} ms first run, {bench.init_ms:.1f} ms first frame"
    return _named([*condition_facts(bench.conditions, bench.conditions_after), ("start", start)])


def _named(facts: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name[0].upper() + name[1:], value) for name, value in facts]


def _machine(bench: BenchReport) -> str:
    return bench.conditions.board or bench.conditions.cpu or bench.conditions.machine


def _warnings(bench: BenchReport) -> Iterator[str]:
    before, after = bench.conditions, bench.conditions_after
    if len(bench.runs) < 2:
        yield "Measured once: how far its figures scatter is not known. Measure with --repeat 5."
    if after.throttling:
        yield f"The clock was held down: {'; '.join(after.throttling)}."
    if before.busy:
        yield f"Other programs ran: load {before.load:g} on {before.usable_cpus} processors before the first run."
    if bench.memory.peak_bytes is None:
        yield "/proc does not tell memory here, as in some containers: no memory was measured."
