"""``cdedge inspect``: what is in an exported file."""

from __future__ import annotations

from pathlib import Path

from cdedge.options import JsonOption, ModelArgument
from cdedge.render import emit_json, number, show_facts, show_table, size
from cdedge_runtime.modelfile import ModelSpec


def inspect(model: ModelArgument, as_json: JsonOption = False) -> None:
    """Show what is in an exported file, after checking that it is whole."""
    from cdedge_runtime.features import read_spec

    spec = read_spec(model)
    if as_json:
        emit_json("cdedge.inspect/1", {"model": str(model), "bytes": model.stat().st_size, **_as_dict(spec)})
        return
    show_facts(f"{model}", _facts(spec, model))
    show_table(
        "channels kept",
        ["layer", "kept", "of", "share"],
        [(t.name, str(len(t.kept)), str(t.total), f"{len(t.kept) / t.total:.0%}") for t in spec.taps],
    )


def _as_dict(spec: ModelSpec) -> dict[str, object]:
    from cdedge_runtime.record import encode

    return {"channels": spec.channels, "layers": spec.layers, **encode(spec)}


def _network_facts(spec: ModelSpec) -> list[tuple[str, str]]:
    convention = spec.convention
    return [
        ("network", f"{spec.backbone} layers {spec.layers}, mode {spec.mode}"),
        ("weights", f"{size(spec.weight_bytes)} from {spec.weights.name}"),
        ("weights sha256", spec.weights.sha256),
        ("licence of weights", spec.weights.licence),
        ("work per window", f"{number(spec.macs)} MACs, {size(spec.activation_bytes)} of activations at once"),
        ("input", f"{spec.input_px[1]}x{spec.input_px[0]} px, {convention.order}, mean {convention.mean}"),
    ]


def _hog_facts(spec: ModelSpec) -> list[tuple[str, str]]:
    return [("features", f"HOG of {spec.input_px[1]}x{spec.input_px[0]} px grey values; no network, no weights")]


def _facts(spec: ModelSpec, model: Path) -> list[tuple[str, str]]:
    from cdedge_runtime.hog_features import BACKBONE

    selection = spec.selection
    return [
        ("tracker", spec.tracker),
        ("file", size(model.stat().st_size)),
        *(_hog_facts(spec) if spec.backbone == BACKBONE else _network_facts(spec)),
        ("response grid", f"{spec.grid[1]}x{spec.grid[0]} cells"),
        (
            "selection",
            f"rank {selection.rank}, search {selection.search}, channels {selection.rule}, seed {selection.seed}",
        ),
        ("distilled from", f"{spec.source.name}, box {','.join(f'{v:g}' for v in spec.source.box)}"),
        ("made by", f"{spec.producer}, format {spec.format_version}"),
    ]
