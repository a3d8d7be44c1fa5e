"""What is in a model file, in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cdedge.show.render import number, size
from cdedge_runtime.model.contract import DeepPart, ModelSpec, Tap
from cdedge_runtime.model.hog import BACKBONE


def model_facts(spec: ModelSpec, model: Path) -> list[tuple[str, str]]:
    """Names and values of everything a reader of the file wants to know but its channels."""
    selection = spec.selection
    return [
        ("tracker", spec.tracker),
        ("file", size(model.stat().st_size)),
        *(_hog_facts(spec) if spec.backbone == BACKBONE else _network_facts(spec)),
        ("response grid", f"{spec.grid[1]}x{spec.grid[0]} cells"),
        *deep_facts(spec.deep),
        (
            "selection",
            f"rank {selection.rank}, search {selection.search}, channels {selection.rule}, seed {selection.seed}",
        ),
        ("distilled from", f"{spec.source.name}, box {','.join(f'{v:g}' for v in spec.source.box)}"),
        ("made by", f"{spec.producer}, format {spec.format_version}"),
    ]


def shown_taps(spec: ModelSpec) -> tuple[Tap, ...]:
    """The layers, and those of a deep network under names that say so."""
    deep = () if spec.deep is None else spec.deep.taps
    return (*spec.taps, *(replace(tap, name=f"deep {tap.name}") for tap in deep))


def _network_facts(spec: ModelSpec) -> list[tuple[str, str]]:
    convention = spec.convention
    return [
        ("network", f"{spec.backbone} layers {spec.layers}, mode {spec.mode}, {spec.precision}"),
        ("weights", f"{size(spec.weight_bytes)} from {spec.weights.name}"),
        ("weights sha256", spec.weights.sha256),
        ("licence of weights", spec.weights.licence),
        ("work per window", f"{number(spec.macs)} MACs, {size(spec.activation_bytes)} of activations at once"),
        ("input", f"{spec.input_px[1]}x{spec.input_px[0]} px, {convention.order}, mean {convention.mean}"),
    ]


def deep_facts(deep: DeepPart | None) -> list[tuple[str, str]]:
    """Names and values of the deep part, where there is one."""
    if deep is None:
        return []
    channels, layers = deep.channels, "+".join(tap.name for tap in deep.taps)
    return [
        (
            "deep network",
            f"{deep.backbone} layers {layers}, {channels} channels on {deep.grid[1]}x{deep.grid[0]} cells, "
            f"{deep.precision}",
        ),
        ("deep input", f"{deep.input_px[1]}x{deep.input_px[0]} px, {deep.convention.order}"),
        ("licence of deep weights", f"{deep.weights.licence} ({deep.weights.name})"),
        *(
            []
            if deep.head is None
            else [("box head", f"{deep.head.weights.name}, licence {deep.head.weights.licence}")]
        ),
    ]


def _hog_facts(spec: ModelSpec) -> list[tuple[str, str]]:
    return [("features", f"HOG of {spec.input_px[1]}x{spec.input_px[0]} px grey values; no network, no weights")]
