"""``cdedge evaluate``: a tracker on a benchmark, scored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cdedge.options import JsonOption, ProfileOption, Search, SetOption, default_search

Text = str | None


def evaluate(
    root: Annotated[Path, typer.Option(help="Folder of the data set.", show_default=False)],
    dataset: Annotated[
        str,
        typer.Option(help="otb, tc128, uav123, uav20l, vot, got10k, lasot, nfs or folder (of frames and boxes)."),
    ] = "otb",
    sequences: Annotated[
        Text, typer.Option(metavar="NAME,NAME", help="Only these sequences.", show_default=False)
    ] = None,
    tracker: Annotated[
        str,
        typer.Option(
            help="deepcd, cf2, cacf, eco, mdnet, or opencv: with CSRT, KCF, MOSSE, MIL, DaSiamRPN, Nano or Vit."
        ),
    ] = "deepcd",
    model: Annotated[
        Path | None,
        typer.Option(help="One exported file for all sequences, instead of one each.", show_default=False),
    ] = None,
    peer_model: Annotated[
        Text,
        typer.Option(metavar="PATH,PATH", help="Files of DaSiamRPN (3), Nano (2), Vit (1).", show_default=False),
    ] = None,
    raw: Annotated[
        Path | None, typer.Option(help="Import and score the results in this folder.", show_default=False)
    ] = None,
    protocol: Annotated[
        Literal["ope", "sre", "tre"], typer.Option(help="One pass, 12 shifted boxes, or 20 starting frames.")
    ] = "ope",
    backbone: Annotated[str, typer.Option(help="As in 'cdedge export', like all options down to --grid.")] = "vgg19",
    layers: Annotated[str, typer.Option()] = "11",
    weights: Annotated[Text, typer.Option(show_default=False)] = None,
    convention: Annotated[Text, typer.Option(help="Input convention of a weights file.", show_default=False)] = None,
    mode: Annotated[Literal["exact", "chain"], typer.Option()] = "exact",
    reconstruct: Annotated[bool, typer.Option("--reconstruct")] = False,
    precision: Annotated[Literal["fp32", "fp16", "int8"], typer.Option()] = "fp32",
    no_distill: Annotated[bool, typer.Option("--no-distill", help="Keep every channel.")] = False,
    channels: Annotated[str, typer.Option()] = "auto",
    rank: Annotated[str, typer.Option()] = "diverse",
    search: Annotated[Search | None, typer.Option(show_default=False)] = None,
    seed: Annotated[int, typer.Option()] = 0,
    profile: ProfileOption = None,
    assignments: SetOption = None,
    subsample: Annotated[int, typer.Option(min=1, max=4)] = 1,
    input_px: Annotated[int | None, typer.Option("--input", min=32, max=512, show_default=False)] = None,
    grid: Annotated[int | None, typer.Option(min=8, max=256, show_default=False)] = None,
    threads: Annotated[int, typer.Option(min=1, help="Of onnxruntime and OpenCV alike, while tracking.")] = 1,
    time_limit: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", min=0.1, help="Of one pass; then it has failed.", show_default=False),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Sequences at a time; more than one disturbs the times.")] = 1,
    dask: Annotated[
        Text,
        typer.Option(metavar="tcp://HOST:PORT", help="Hand sequences to this scheduler.", show_default=False),
    ] = None,
    scoring: Annotated[
        str, typer.Option(help="Rules for bad rows: otb, pytracking, pytracking-uav, pytracking-lasot.")
    ] = "otb",
    matlab_compat: Annotated[
        bool, typer.Option("--matlab-compat", help="Leave total failures out of the mean, as OTB's plots do.")
    ] = False,
    sweep: Annotated[
        Path | None,
        typer.Option(help="TOML file of configurations to run, each in its own folder.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Results folder. Default: results/DATASET-TRACKER.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run a tracker over a data set and score it; started again, it goes on where it stopped."""
    from cdedge.evaluation.configuration import Configuration, TrackerOptions, resolved_weights
    from cdedge.evaluation.conventions import get_convention
    from cdedge.evaluation.evaluating import RunSettings, evaluate_one, evaluate_sweep

    configuration = Configuration(
        dataset=dataset,
        root=str(root.resolve()),
        sequences=None if sequences is None else tuple(sequences.split(",")),
        protocol=protocol,
        threads=threads,
        tracker=TrackerOptions(
            tracker=tracker if raw is None else f"raw:{raw.resolve()}",
            model=None if model is None else str(model.resolve()),
            peer_model=() if peer_model is None else tuple(str(Path(p).resolve()) for p in peer_model.split(",")),
            backbone=backbone,
            layers=layers,
            weights=resolved_weights(weights),
            convention=convention,
            mode=mode,
            reconstruct=reconstruct,
            precision=precision,
            distill=not no_distill,
            channels=channels,
            rank=rank,
            search=search or default_search(tracker),
            seed=seed,
            profile=profile,
            settings=tuple(assignments or ()),
            subsample=subsample,
            input_px=input_px,
            grid=grid,
        ),
    )
    settings = RunSettings(jobs, dask, time_limit, get_convention(scoring), matlab_compat)
    if sweep is None:
        evaluate_one(configuration, out, settings, as_json=as_json)
    else:
        evaluate_sweep(sweep, configuration, out, settings, as_json=as_json)
