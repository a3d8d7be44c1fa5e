"""``cdedge vot``: a workspace in which the official VOT toolkit runs the tracker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cdedge.answer import emit_json
from cdedge.options import JsonOption, ProviderOption, ThreadsOption, taking
from cdedge.outputs import check_folder
from cdedge.show.render import show_facts
from cdedge_export.options import ExportOptions


@taking()
def vot(
    options: ExportOptions,
    workspace: Annotated[
        Path, typer.Argument(help="The workspace's folder; made where there is none.", show_default=False)
    ],
    model: Annotated[
        str | None,
        typer.Option(help="A file made by 'cdedge export', for every sequence.", show_default=False),
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
    """Prepare a workspace in which the official vot-toolkit evaluates the tracker.

    Without --model, a tracker is distilled at each start, when frame 2 arrives, with the options of 'cdedge export'.
    """
    from cdedge.evaluation.configuration import resolved
    from cdedge.vot.entries import Setup, open_tracker
    from cdedge.vot.workspace import prepare

    setup = Setup(None if model is None else str(Path(model).resolve()), resolved(options), provider, threads)
    check_folder("WORKSPACE", workspace)
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
