"""``cdedge export``: from a video to one ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cdedge.answer import emit_json
from cdedge.choosing.asked import Asked
from cdedge.clock import since_begin_s
from cdedge.options import (
    MORE,
    BoxOption,
    DepthRangeOption,
    JsonOption,
    PreviewOption,
    SelectOption,
    SourceArgument,
    parse_box,
    parse_depth_range,
    taking,
)
from cdedge.outputs import check_outputs
from cdedge.show.model_facts import channel_words, deep_facts
from cdedge.show.progress import patiently, steps
from cdedge.show.render import introduce, many, say, show_facts, show_table, size, whats_next
from cdedge_export.options import ExportOptions, filled
from cdedge_runtime.sources.frames import open_source
from cdedge_runtime.sources.reading import Reading

_ROUNDING = 1e-6
_SCALE = "0 is equal, 1 as unlike as no features at all"
_CHAIN_MEANS = (
    f"{_SCALE}. Chain mode computes other features on purpose, and tracks by them: no reason to worry while the box "
    "stays on the target; --mode exact has no such error"
)
_OTHER_MEANS = f"{_SCALE}; it comes with the precision"

if TYPE_CHECKING:
    from cdedge_export.report import ExportReport


@taking()
def export(
    options: ExportOptions,
    source: SourceArgument = None,
    box: BoxOption = None,
    select: SelectOption = False,
    preview: PreviewOption = None,
    save_channels: Annotated[
        Path | None,
        typer.Option(
            help="Save the chosen channels as JSON, for --channels-from.", show_default=False, rich_help_panel=MORE
        ),
    ] = None,
    depth_range: DepthRangeOption = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="The file to write. Default: SOURCE-LAYERS.onnx here.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Distil a backbone to the channels that one target needs and write it as one ONNX file."""
    with patiently("loading what an export needs (PyTorch takes longest)"):
        from cdedge_export.pipeline import check
        from cdedge_export.pipeline import export as run_export

    read = (source, *options.files)
    check_outputs({"-o": out, "--save-channels": save_channels, "--preview": preview}, read)
    check(options)  # before a camera is opened, or a box drawn
    opened = open_source(source, Reading(depth_range=parse_depth_range(depth_range), tell=say))
    introduce(opened)
    target = out or Path(f"{opened.name}-{_features(options)}.onnx".replace("/", "_"))
    if out is None:
        check_outputs({"-o": target, "--save-channels": save_channels}, read)
    given = parse_box(box, opened, select=select, preview=preview)
    with steps() as step:
        report = run_export(opened, given, target, options=options, say=step)
    if save_channels is not None:
        report.plan.save(save_channels)
    if as_json:
        emit_json("cdedge.export/1", _as_dict(report))
    else:
        _show(report)
        where = [source] if source else []
        words = Asked(box, select).words(given, opened.origin)
        whats_next("track", target, *where, *words, "-o", "boxes.csv", "--video", "tracked.webm")


def _features(options: ExportOptions) -> str:
    """What the file's name says of the options: the tracker where it is another, and its network and layers."""
    from cdedge_export.recipes.recipe import find_recipe

    chosen, uses = filled(options, {}), find_recipe(options).uses
    words = [chosen.tracker] * (chosen.tracker != filled(ExportOptions(), {}).tracker)
    words += [chosen.backbone] * ({"backbone", "layers"} <= uses) + [chosen.layers] * ("layers" in uses)
    return "-".join(words)


def _as_dict(report: ExportReport) -> dict[str, object]:
    from cdedge_runtime.record import encode

    return {**encode(report), "model": str(report.model), "channels": report.spec.channels}


def _show(report: ExportReport) -> None:
    from cdedge.show.cost_table import cost_row, shown_costs
    from cdedge.show.model_facts import weights_facts

    spec, selection = report.spec, report.spec.selection
    if report.costs:
        show_table(
            "layers: before -> after",
            ["layer", "channels", "weights", "MACs", "ms (1 thread)"],
            [cost_row(cost) for cost in shown_costs(report.costs)],
        )
    search = (
        f", search {selection.search}: energy {selection.energy_before:.4g} -> {selection.energy_after:.4g} in "
        f"{many(report.plan.swaps, 'swap')}"
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
    chosen = f"{spec.channels} of {candidates}, by {selection.rank}{search}"
    show_facts(
        str(report.model),
        [
            ("channels", channel_words(spec) if spec.generic else chosen),
            ("file", size(report.bytes)),
            *weights_facts(spec),
            (
                "input",
                f"{spec.input_px[1]}x{spec.input_px[0]} px {spec.convention.order}; convention: "
                f"{report.convention_reason}",
            ),
            *deep_facts(spec.deep),
            ("file and reference", parity),
            ("error to the full network", _losses(report)),
            ("took", f"{since_begin_s():.1f} s, loading included"),
        ],
    )


def _losses(report: ExportReport) -> str:
    losses = () if report.parity is None else report.parity.losses
    if not losses:
        return "not compared"
    said = ", ".join(f"{loss.name}: {loss.error:.2g}" for loss in losses)
    if max(loss.error for loss in losses) < _ROUNDING:
        return f"none but rounding ({said})"
    return f"{said}; {_CHAIN_MEANS if report.spec.mode == 'chain' else _OTHER_MEANS}"
