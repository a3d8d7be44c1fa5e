"""``cdedge export``: from a video to one ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cdedge.options import (
    BoxOption,
    DepthRangeOption,
    JsonOption,
    PreviewOption,
    ProfileOption,
    Search,
    SelectOption,
    SetOption,
    SourceArgument,
    default_search,
    parse_box,
    parse_depth_range,
)
from cdedge.show.render import emit_json, introduce, number, say, show_facts, show_table, size
from cdedge_runtime.sources.frames import Reading, open_source
from cdedge_runtime.trackers.settings import starting_settings

if TYPE_CHECKING:
    from cdedge_export.graph.cost import LayerCost
    from cdedge_export.pipeline import ExportReport


def export(
    source: SourceArgument = None,
    box: BoxOption = None,
    select: SelectOption = False,
    preview: PreviewOption = None,
    tracker: Annotated[
        str,
        typer.Option(
            help="deepcd, cf2 (its baseline), cacf (on HOG, without a network), eco (hog as its layer: ECO-HC) or "
            "mdnet (slow; needs --weights)."
        ),
    ] = "deepcd",
    backbone: Annotated[str, typer.Option(help="vgg19, squeezenet1_1, squeezenet1_0 or vggm.")] = "vgg19",
    layers: Annotated[str, typer.Option(help="Candidate layers: 11, 11+12+21, fire2+fire3, all, ...")] = "11",
    weights: Annotated[
        str | None,
        typer.Option(
            help="bundled, imagenet (torchvision's, downloaded once) or the PATH of a .pth, .safetensors or .mat file. "
            "Default: bundled where it is deep enough, else imagenet.",
            show_default=False,
        ),
    ] = None,
    convention: Annotated[
        str | None,
        typer.Option(help="Input convention of a weights file where it cannot be told: caffe or torchvision."),
    ] = None,
    mode: Annotated[
        Literal["exact", "chain"],
        typer.Option(
            help="exact: features equal the full network's. chain: each layer keeps only kept channels; faster."
        ),
    ] = "exact",
    reconstruct: Annotated[
        bool,
        typer.Option(help="In chain mode, fit each layer to what the full network computes on the first frames."),
    ] = False,
    precision: Annotated[
        Literal["fp32", "fp16", "int8"],
        typer.Option(
            help="int8: calibrated on the first frames; pays with several layers, layer 11 alone gets slower. "
            "fp16: for GPUs only. See docs/precision.md."
        ),
    ] = "fp32",
    no_distill: Annotated[bool, typer.Option("--no-distill", help="Keep every channel: the baseline.")] = False,
    channels: Annotated[
        str,
        typer.Option(
            help="auto, a count (28), a share of each layer (0.4), or paper (the paper's shares). In chain mode shares "
            "and auto are rounded to 16 channels of a layer."
        ),
    ] = "auto",
    rank: Annotated[
        str,
        typer.Option(
            help="Order of choice: diverse, solo, the paper's rel, flip, paper-l2, paper-l1, energy, snr, or random."
        ),
    ] = "diverse",
    search: Annotated[
        Search | None,
        typer.Option(
            help="Objective of a swap search; e4 is the paper's Eq. 4. Default: none; cf2: reduced; cacf, mdnet: ncc.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of --rank random.")] = 0,
    plan: Annotated[
        Path | None, typer.Option(help="Replay a saved channel plan instead of choosing.", show_default=False)
    ] = None,
    save_plan: Annotated[Path | None, typer.Option(help="Save the channel plan as JSON.", show_default=False)] = None,
    profile: ProfileOption = None,
    input_px: Annotated[
        int | None,
        typer.Option(
            "--input",
            min=32,
            max=512,
            help="Side of the network's input in pixels. Default: 192; cf2: 224.",
            show_default=False,
        ),
    ] = None,
    grid: Annotated[
        int | None,
        typer.Option(
            min=8,
            max=256,
            help="Side of the response grid in cells. Default: 48; cf2: as its window.",
            show_default=False,
        ),
    ] = None,
    subsample: Annotated[
        int,
        typer.Option(min=1, max=4, help="Compute the deepest layer at every so-many-th position, per axis."),
    ] = 1,
    assignments: SetOption = None,
    depth_range: DepthRangeOption = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="The file to write. Default: SOURCE-LAYERS.onnx here.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Distil a backbone to the channels that one target needs and write it as one ONNX file."""
    from cdedge_export.choose.distill import DistillOptions
    from cdedge_export.pipeline import ExportOptions
    from cdedge_export.pipeline import export as run_export

    opened = open_source(source, Reading(depth_range=parse_depth_range(depth_range), tell=say))
    introduce(opened)
    chosen = None if no_distill else DistillOptions(rank, search or default_search(tracker), channels, seed)
    options = ExportOptions(
        backbone=backbone,
        layers=layers,
        weights=weights,
        convention=convention,
        mode=mode,
        reconstruct=reconstruct,
        precision=precision,
        distill=chosen,
        plan=plan,
        input_px=input_px,
        grid=grid,
        subsample=subsample,
        settings=starting_settings(tracker, profile, layers, assignments or ()),
    )
    target = out or Path(f"{opened.name}-{_features(tracker, backbone, layers)}.onnx".replace("/", "_"))
    given = parse_box(box, opened, select=select, preview=preview)
    report = run_export(opened, given, target, options=options, say=say)
    if save_plan is not None:
        report.plan.save(save_plan)
    if as_json:
        emit_json("cdedge.export/1", _as_dict(report))
    else:
        _show(report)


def _features(tracker: str, backbone: str, layers: str) -> str:
    words = (
        [tracker] * (tracker != "deepcd")
        + [layers] * (layers == "hog")
        + [backbone, layers] * (tracker not in ("cacf", "mdnet") and layers != "hog")
    )
    return "-".join(words)


def _as_dict(report: ExportReport) -> dict[str, object]:
    from cdedge_runtime.record import encode

    return {**encode(report), "model": str(report.model), "channels": report.spec.channels}


def _show(report: ExportReport) -> None:
    spec, selection = report.spec, report.spec.selection
    if report.costs:
        show_table(
            "layers: before -> after",
            ["layer", "channels", "weights", "MACs", "ms (1 thread)"],
            [_cost_row(cost) for cost in report.costs],
        )
    energy = (
        f", energy {selection.energy_before:.4g} -> {selection.energy_after:.4g} in {report.plan.swaps} swaps"
        if selection.energy_before is not None and selection.energy_after is not None
        else ""
    )
    parity = (
        "no network"
        if report.parity is None
        else f"differ by {report.parity.max_rel:.2g} of {report.parity.reference}'s largest feature "
        f"(allowed {report.parity.tolerance:.2g})"
    )
    candidates = sum(tap.total for tap in report.plan.taps)
    show_facts(
        str(report.model),
        [
            (
                "channels",
                f"{spec.channels} of {candidates} ({selection.rank}/{selection.search}{energy})",
            ),
            ("file", f"{size(report.bytes)}, weights {size(spec.weight_bytes)} of {spec.weights.name}"),
            (
                "input",
                f"{spec.input_px[1]}x{spec.input_px[0]} px {spec.convention.order} ({report.convention_reason})",
            ),
            ("file and reference", parity),
            ("error to the full network", _losses(report)),
            ("took", f"{report.seconds:.1f} s"),
        ],
    )


def _losses(report: ExportReport) -> str:
    losses = () if report.parity is None else report.parity.losses
    return ", ".join(f"{loss.name}: {loss.error:.2g}" for loss in losses) or "not compared"


def _cost_row(cost: LayerCost) -> tuple[str, ...]:
    pair = (cost.before, cost.after)
    return (
        cost.name,
        " -> ".join("-" if c is None else str(c.channels) for c in pair),
        " -> ".join("-" if c is None else size(c.weight_bytes) for c in pair),
        " -> ".join("-" if c is None else number(c.macs) for c in pair),
        " -> ".join("-" if c is None or c.ms is None else f"{c.ms:.2f}" for c in pair),
    )
