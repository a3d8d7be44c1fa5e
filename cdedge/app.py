"""The command line: one thin command per file in ``commands/``."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from .commands.bench import bench
from .commands.compare import compare
from .commands.convert import convert
from .commands.devices import devices
from .commands.doctor import doctor
from .commands.evaluate import evaluate
from .commands.export import export
from .commands.inspect import inspect
from .commands.layers import layers
from .commands.plan import plan
from .commands.predict import predict
from .commands.report import report
from .commands.select import select
from .commands.serve import serve
from .commands.soak import soak
from .commands.track import track
from .commands.vot import vot
from .commands.warm import warm

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Distil a deep tracker to the channels one target needs, export it as one ONNX file, run it on a device.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    export,
    select,
    inspect,
    layers,
    track,
    serve,
    bench,
    predict,
    plan,
    report,
    devices,
    evaluate,
    compare,
    convert,
    vot,
    doctor,
    warm,
    soak,
):
    app.command()(command)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"cdedge {version('cdedge')}")
        raise typer.Exit


@app.callback()
def _root(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass
