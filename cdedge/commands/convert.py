"""``cdedge convert``: results in the layouts of other evaluators."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cdedge.answer import emit_json
from cdedge.options import JsonOption
from cdedge.outputs import check_folder
from cdedge.show.render import many, say, whats_next


def convert(
    folder: Annotated[Path, typer.Argument(help="A folder made by 'cdedge evaluate'.", show_default=False)],
    to: Annotated[
        Literal["got10k", "otb-matlab-json", "pytracking", "pysot", "vot"],
        typer.Option(help="Whose layout to write.", show_default=False),
    ],
    root: Annotated[
        Path | None,
        typer.Option(help="Where the data set is now. Default: where it was.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="The tracker's folder there. Default: FOLDER-LAYOUT.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write results so that another evaluator can read them."""
    from cdedge.evaluation.configuration import data_words
    from cdedge.evaluation.convert import READ_BACK
    from cdedge.evaluation.convert import convert as run_convert
    from cdedge.evaluation.datasets import load_dataset
    from cdedge.evaluation.manifest import read_manifest
    from cdedge_runtime.errors import Usage

    made_by = read_manifest(folder).configuration
    if made_by.protocol != "ope":
        raise Usage(f"{folder}: results of {made_by.protocol} have no place in other layouts, only ope's do")
    dataset = load_dataset(made_by.dataset, root or Path(made_by.root), made_by.sequences)
    target = out or folder.with_name(f"{folder.resolve().name}-{to}")
    check_folder("-o", target, (folder, made_by.root))
    written = run_convert(folder, dataset, to=to, out=target)
    left_out = [s.name for s in dataset.sequences if s.name not in written]
    if left_out:
        say(f"no complete result, so not written: {', '.join(left_out)}")
    if as_json:
        emit_json("cdedge.convert/1", {"out": str(target), "to": to, "written": written, "left_out": left_out})
    else:
        say(f"{many(len(written), 'sequence')} in {target}")
        if to in READ_BACK:
            whats_next("evaluate", *data_words(made_by, root), "--raw", target, "-o", f"{target}-again")
