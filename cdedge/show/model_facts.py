"""What is in a model file, in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cdedge.show.render import number, size
from cdedge_runtime.model.contract import HOG_BACKBONE, DeepPart, ModelSpec, Tap, WeightsInfo


def channel_words(part: ModelSpec | DeepPart, what: str = "") -> str:
    """How many channels there are of how many, ``what`` these are, and what a generic file's first frame keeps."""
    return f"{part.channels} of {sum(tap.total for tap in part.taps)}{what}{_left(part)}"


def _left(part: ModelSpec | DeepPart) -> str:
    left = part.filter_channels
    return "" if left == part.channels else f", of which the device keeps {left} for the target it is given"


def model_facts(spec: ModelSpec, model: Path) -> list[tuple[str, str]]:
    """Names and values of everything a reader of the file wants to know but its channels."""
    return [
        ("tracker", spec.tracker),
        ("file", size(model.stat().st_size)),
        *(_hog_facts(spec) if spec.backbone == HOG_BACKBONE else _network_facts(spec)),
        ("response grid", f"{spec.grid[1]}x{spec.grid[0]} cells"),
        *deep_facts(spec.deep),
        *(_generic_facts(spec) if spec.generic else _selection_facts(spec)),
        ("made by", f"{spec.producer}, format {spec.format_version}"),
    ]


def shown_taps(spec: ModelSpec) -> tuple[Tap, ...]:
    """The layers, and those of a deep network under names that say so."""
    deep = () if spec.deep is None else spec.deep.taps
    return (*spec.taps, *(replace(tap, name=f"deep {tap.name}") for tap in deep))


def _selection_facts(spec: ModelSpec) -> list[tuple[str, str]]:
    selection = spec.selection
    rules = f"rank {selection.rank}, search {selection.search}, channels {selection.rule}, seed {selection.seed}"
    return [("selection", rules), ("distilled from", _source(spec))]


def _generic_facts(spec: ModelSpec) -> list[tuple[str, str]]:
    return [("generic", channel_words(spec)), ("checked on", _source(spec))]


def _source(spec: ModelSpec) -> str:
    return f"{spec.source.name}, box {','.join(f'{v:g}' for v in spec.source.box)}"


def _network_facts(spec: ModelSpec) -> list[tuple[str, str]]:
    convention = spec.convention
    return [
        ("network", f"{spec.backbone} layers {spec.layers}, mode {spec.mode}, {spec.precision}"),
        *weights_facts(spec),
        ("weights sha256", spec.weights.sha256),
        (
            "work per window",
            f"{number(spec.macs)} MACs{_DEEP_TOO * (spec.deep is not None)}, {size(spec.activation_bytes)} of "
            "activations at once",
        ),
        ("input", f"{spec.input_px[1]}x{spec.input_px[0]} px, {convention.order}, mean {convention.mean}"),
    ]


def weights_facts(spec: ModelSpec) -> list[tuple[str, str]]:
    """Each network's weights and their licence, by the file's own word; none where there is no network."""
    if spec.backbone == HOG_BACKBONE:
        return []
    deep = spec.deep
    if deep is None:
        return _weights("weights", size(spec.weight_bytes), spec.weights)
    own = None if deep.weight_bytes is None else spec.weight_bytes - deep.weight_bytes
    both = deep.weight_bytes if deep.head is None else None
    return [
        ("weights", f"{size(spec.weight_bytes)} together"),
        *_weights("weights of the layers", None if own is None else size(own), spec.weights),
        *_weights("deep weights", None if both is None else size(both), deep.weights),
        *([] if deep.head is None else _weights("box head's weights", None, deep.head.weights)),
    ]


def _weights(what: str, bytes_said: str | None, origin: WeightsInfo) -> list[tuple[str, str]]:
    said = origin.name if bytes_said is None else f"{bytes_said} from {origin.name}"
    return [(what, said), ("  their licence", origin.licence)]


_DEEP_TOO = " with the deep network's"


def deep_facts(deep: DeepPart | None) -> list[tuple[str, str]]:
    """Names and values of the deep part, where there is one."""
    if deep is None:
        return []
    channels, layers = deep.channels, "+".join(tap.name for tap in deep.taps)
    return [
        (
            "deep network",
            f"{deep.backbone} layers {layers}, {channels} channels on {deep.grid[1]}x{deep.grid[0]} cells, "
            f"{deep.precision}{_left(deep)}",
        ),
        ("deep input", f"{deep.input_px[1]}x{deep.input_px[0]} px, {deep.convention.order}"),
    ]


def _hog_facts(spec: ModelSpec) -> list[tuple[str, str]]:
    return [("features", f"HOG of {spec.input_px[1]}x{spec.input_px[0]} px grey values; no network, no weights")]
