"""``cdedge vot``: a workspace in which the official VOT toolkit runs the tracker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cdedge.options import JsonOption, ProviderOption, ThreadsOption
from cdedge.show.render import emit_json, show_facts


def vot(
    workspace: Annotated[
        Path, typer.Argument(help="The workspace's folder; made where there is none.", show_default=False)
    ],
    model: Annotated[
        str | None,
        typer.Option(help="A file made by 'cdedge export', for every sequence.", show_default=False),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            help="Instead of --model: distil this backbone at each start, when frame 2 arrives.",
            show_default=False,
        ),
    ] = None,
    layers: Annotated[str, typer.Option(help="Candidate layers for --backbone.")] = "11",
    weights: Annotated[
        str | None,
        typer.Option(help="Weights for --backbone: bundled, imagenet or a PATH.", show_default=False),
    ] = None,
    convention: Annotated[
        str | None,
        typer.Option(help="Input convention of --weights: caffe or torchvision.", show_default=False),
    ] = None,
    name: Annotated[str, typer.Option(help="The tracker's identifier; the TraX entry is NAME-trax.")] = "cdedge",
    stack: Annotated[
        str | None,
        typer.Option(
            help="A stack of the toolkit or a .yaml file. Default for a new workspace: vot2018/shortterm.",
            show_default=False,
        ),
    ] = None,
    provider: ProviderOption = "cpu",
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Prepare a workspace in which the official vot-toolkit evaluates the tracker."""
    from cdedge.vot.setup import Setup, open_tracker
    from cdedge.vot.workspace import prepare

    setup = Setup(_absolute(model), backbone, layers, _absolute(weights), convention, provider, threads)
    open_tracker(setup)  # the toolkit would tell of a bad model much later
    done = prepare(workspace, setup, name=name, stack=stack)
    first = done.trackers[0]
    steps = [f"vot {verb} --workspace {workspace} {first}" for verb in ("evaluate", "analysis", "report")]
    if as_json:
        emit_json("cdedge.vot/1", {**vars(done), "workspace": str(workspace), "next": steps})
        return
    show_facts(
        f"{workspace}",
        [
            ("trackers", f"{', '.join(done.trackers)} added to trackers.ini (python and TraX protocol)"),
            ("stack", f"{done.stack}: {', '.join(done.experiments)}" if done.stack else "left as it was"),
            (
                "sequences",
                f"{workspace / 'sequences'}: used if it has list.txt, else the toolkit downloads its own",
            ),
            *(("next" if i == 0 else "", step) for i, step in enumerate(steps)),
        ],
    )


def _absolute(file: str | None) -> str | None:
    """Make a file's path absolute, as the toolkit starts trackers elsewhere; another word stays as it is."""
    return str(Path(file).resolve()) if file is not None and Path(file).exists() else file
