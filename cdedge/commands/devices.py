"""``cdedge devices``: the device profiles."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer
from cdedge_devices import BadProfile, load, names

from cdedge.options import JsonOption
from cdedge.render import emit_json
from cdedge_runtime.errors import Usage


def devices(
    name: Annotated[str | None, typer.Argument(help="One profile, or a TOML file; without it: all.", show_default=False)] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what is known of the devices cdedge is made for, each fact with its source."""
    try:
        profiles = [load(name)] if name else [load(each) for each in names()]
    except BadProfile as error:
        raise Usage(str(error)) from error
    if as_json:
        emit_json("cdedge.devices/1", {"devices": [dataclasses.asdict(p) for p in profiles]})
