"""``cdedge bundle``: a folder that takes a model to a device."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cdedge.answer import emit_json
from cdedge.options import JsonOption, ModelArgument
from cdedge.show.render import say, show_facts, size
from cdedge_runtime.record import encode


def bundle(
    model: ModelArgument,
    board: Annotated[
        str,
        typer.Option(
            "--for", metavar="DEVICE", help="The device: a profile's name (see 'cdedge devices') or its TOML file."
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder to make.")],
    python: Annotated[
        str | None,
        typer.Option(
            metavar="3.N",
            help="The device's Python, if not that of its profile: Debian 13 has 3.13.",
            show_default=False,
        ),
    ] = None,
    wheel: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="cdedge's wheel. Default: built here.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Put a model and all that a device needs for it into one folder; asks the package registry, installs nothing."""
    from cdedge.bundling.board import board_of
    from cdedge.bundling.bundle import bundle as put_together

    made = put_together(model, board_of(board, python), out, wheel=wheel, say=say)
    if as_json:
        emit_json("cdedge.bundle/1", encode(made))
        return
    show_facts(
        str(out),
        [
            ("for", f"{made.device}: {made.system}, Python {made.python}, {made.architecture}"),
            ("packages", ", ".join(f"{each.name} {each.version}" for each in made.requirements)),
            ("files", ", ".join(f"{name} ({size(count)})" for name, count in made.files_bytes.items())),
        ],
    )
    say(f"next: copy {out} to the device and run install.sh there; CHECKLIST.md goes on")
