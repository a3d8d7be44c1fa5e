"""``cdedge evaluate``: a tracker on a benchmark, scored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from cdedge.options import MORE, JsonOption, listed, taking
from cdedge_export.options import ExportOptions

Text = str | None


_Root = Annotated[Path, typer.Option(help="Folder of the data set.", show_default=False)]
_Dataset = Annotated[
    str,
    typer.Option(help="otb, tc128, uav123, uav20l, vot, got10k, lasot, nfs or folder (of frames and boxes)."),
]
_Sequences = Annotated[Text, typer.Option(metavar="NAME,NAME", help="Only these sequences.", show_default=False)]
_Model = Annotated[
    Path | None,
    typer.Option(help="One exported file for all sequences, instead of one each.", show_default=False),
]
_PeerModel = Annotated[
    Text,
    typer.Option(
        metavar="PATH,PATH",
        help="Files of opencv:DaSiamRPN (3), opencv:Nano (2), opencv:Vit (1).",
        show_default=False,
        rich_help_panel=MORE,
    ),
]
_Raw = Annotated[
    Path | None,
    typer.Option(help="Import and score the results in this folder.", show_default=False, rich_help_panel=MORE),
]
_Protocol = Annotated[
    str,
    typer.Option(
        metavar="ope|sre|tre|treN",
        help="One pass, 12 shifted boxes, or 20 starting frames, or N.",
        rich_help_panel=MORE,
    ),
]
_Threads = Annotated[
    int, typer.Option(metavar="N", min=1, help="Of onnxruntime and OpenCV alike, while tracking.", rich_help_panel=MORE)
]
_TimeLimit = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        min=0.1,
        help="Of one pass; then it has failed.",
        show_default=False,
        rich_help_panel=MORE,
    ),
]
_Jobs = Annotated[
    int,
    typer.Option(
        metavar="N", min=1, help="Sequences at a time; more than one disturbs the times.", rich_help_panel=MORE
    ),
]
_Dask = Annotated[
    Text,
    typer.Option(
        metavar="tcp://HOST:PORT",
        help="Hand sequences to this scheduler.",
        show_default=False,
        rich_help_panel=MORE,
    ),
]
_Scoring = Annotated[
    str,
    typer.Option(help="Rules for bad rows: otb, pytracking, pytracking-uav, pytracking-lasot.", rich_help_panel=MORE),
]
_MatlabCompat = Annotated[
    bool,
    typer.Option(
        "--matlab-compat", help="Leave total failures out of the mean, as OTB's plots do.", rich_help_panel=MORE
    ),
]
_Sweep = Annotated[
    Path | None,
    typer.Option(
        help="TOML file of configurations to run, each in its own folder.", show_default=False, rich_help_panel=MORE
    ),
]
_Out = Annotated[
    Path | None,
    typer.Option("-o", "--out", help="Results folder. Default: results/DATASET-TRACKER.", show_default=False),
]


@taking()
def evaluate(
    options: ExportOptions,
    root: _Root,
    dataset: _Dataset = "otb",
    sequences: _Sequences = None,
    model: _Model = None,
    peer_model: _PeerModel = None,
    raw: _Raw = None,
    protocol: _Protocol = "ope",
    threads: _Threads = 1,
    time_limit: _TimeLimit = None,
    jobs: _Jobs = 1,
    dask: _Dask = None,
    scoring: _Scoring = "otb",
    matlab_compat: _MatlabCompat = False,
    sweep: _Sweep = None,
    out: _Out = None,
    as_json: JsonOption = False,
) -> None:
    """Run a tracker, or one of OpenCV's (opencv:CSRT), on a data set and score it; again, go on where it stopped."""
    from cdedge.evaluation.configuration import Configuration, TrackerOptions, full_path, resolved
    from cdedge.evaluation.evaluating import RunSettings, evaluate_one, evaluate_sweep
    from cdedge.evaluation.metrics import get_convention

    configuration = Configuration(
        dataset=dataset,
        root=str(root.resolve()),
        sequences=None if sequences is None else listed("--sequences", sequences),
        protocol=protocol,
        threads=threads,
        tracker=TrackerOptions(
            made=resolved(options if raw is None else replace(options, tracker=f"raw:{raw.resolve()}")),
            model=None if model is None else full_path(model),
            peer_model=() if peer_model is None else tuple(map(full_path, listed("--peer-model", peer_model))),
        ),
    )
    settings = RunSettings(jobs, dask, time_limit, get_convention(scoring), matlab_compat)
    if sweep is None:
        evaluate_one(configuration, out, settings, as_json=as_json)
    else:
        evaluate_sweep(sweep, configuration, out, settings, as_json=as_json)
