"""``cdedge layers``: what of a network can be tapped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cdedge.answer import emit_json
from cdedge.options import JsonOption
from cdedge.show.render import number, say, show_table, size, whats_next
from cdedge_runtime.record import encode

if TYPE_CHECKING:
    from cdedge_export.onnx_net.taps import TapInfo

_INPUT_PX = 192


def layers(
    network: Annotated[
        str,
        typer.Argument(
            help="An .onnx file, or the name of a built-in network or a torchvision model.",
            metavar="NETWORK",
            show_default=False,
        ),
    ],
    input_px: Annotated[
        int | None,
        typer.Option(
            "--input",
            metavar="N",
            min=32,
            max=512,
            help="Side of the input in pixels, which MACs and cells are for. Default: 192.",
            show_default=False,
        ),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Also what only a normalisation or activation of the same layer reads.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List what of a network can be given to 'export --layers': channels, stride, and what it costs up to there."""
    from cdedge_export.listing import listed
    from cdedge_export.onnx_net.taps import LAYERS_SCHEMA, LayersAnswer

    side = input_px or _INPUT_PX
    name, found = listed(network, (side, side))
    if as_json:
        emit_json(LAYERS_SCHEMA, encode(LayersAnswer(network, (side, side), found)))
        return
    shown = [tap for tap in found if every or not tap.inner]
    show_table(
        f"{name} at {side}x{side} px",
        ["layer", "operator", "channels", "stride", "cells", "weights", "MACs"],
        [_row(tap) for tap in shown],
    )
    if shown:
        _tell_next(network, shown[0])


def _tell_next(network: str, tap: TapInfo) -> None:
    pixels = ["--convention", "HOW"] * network.endswith(".onnx")
    whats_next("export", "--backbone", network, "--layers", tap.name, *pixels, "-o", "target.onnx")
    if pixels:
        say("HOW is what pixels become before its first layer, e.g. bgr or torchvision: docs/guides/backbones.md")


def _row(tap: TapInfo) -> tuple[str, ...]:
    return (
        tap.name,
        tap.op,
        str(tap.channels),
        f"{tap.stride:g}",
        f"{tap.size[1]}x{tap.size[0]}",
        size(tap.weight_bytes),
        number(tap.macs),
    )
