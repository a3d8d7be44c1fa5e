"""``cdedge compare``: results folders side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cdedge.answer import emit_json
from cdedge.options import JsonOption
from cdedge.outputs import check_outputs, refuse_within
from cdedge.show.render import say, whats_next

if TYPE_CHECKING:
    from cdedge.evaluation.compare import Comparison
    from cdedge.evaluation.summary import Summary

_ALONE = "one sequence alone: intervals are over sequences, so here they have no width and say nothing of chance"


def compare(
    folders: Annotated[
        list[Path],
        typer.Argument(help="Folders made by 'cdedge evaluate', or a sweep's; differences are to the first."),
    ],
    root: Annotated[
        Path | None,
        typer.Option(help="Where the data set is now. Default: where it was.", show_default=False),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Also write one self-contained page.", show_default=False)] = None,
    scoring: Annotated[
        str, typer.Option(help="Rules for bad rows: otb, pytracking, pytracking-uav, pytracking-lasot.")
    ] = "otb",
    matlab_compat: Annotated[
        bool, typer.Option("--matlab-compat", help="Leave total failures out of the mean, as OTB's plots do.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare trackers on the sequences that all folders have."""
    from cdedge.evaluation.compare import compare_folders, comparison_json
    from cdedge.evaluation.metrics import get_convention
    from cdedge.evaluation.score_tables import show_comparison

    check_outputs({"--html": html})
    refuse_within("--html", html, folders)
    comparison = compare_folders(folders, convention=get_convention(scoring), root=root, matlab_compat=matlab_compat)
    refuse_within("--html", html, (root or Path(comparison.summaries[0].manifest.configuration.root),))
    _warn(comparison)
    if html is not None:
        _write_page(html, comparison, root)
        say(f"wrote {html}")
    if as_json:
        emit_json("cdedge.compare/1", comparison_json(comparison))
    else:
        show_comparison(comparison)
        _tell_next(folders, comparison.summaries[0], html)


def _tell_next(folders: list[Path], first: Summary, html: Path | None) -> None:
    if html is None:
        whats_next("compare", *(each for each in folders if each.is_dir()), "--html", "compared.html")
    elif first.manifest.configuration.protocol == "ope":  # no other has a place in other layouts
        whats_next("convert", first.folder, "--to", "pytracking")


def _warn(comparison: Comparison) -> None:
    """Say what is not compared, and what makes the numbers less comparable than they look."""
    from cdedge.evaluation.compare import AGAIN

    if comparison.unfinished:
        say(f"left out, as unfinished: {', '.join(map(str, comparison.unfinished))}; {AGAIN}")
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, having in comparison.left_out.items():
        groups.setdefault(having, []).append(name)
    for having, names in groups.items():
        say(f"left out, as only {', '.join(having)} has scores of: {', '.join(names)}")
    if len(comparison.summaries[0].evaluation.scores) == 1:
        say(_ALONE)
    runs = [(s.evaluation.name, s.manifest) for s in comparison.summaries if s.evaluation.speed is not None]
    threads = {name: manifest.configuration.threads for name, manifest in runs}
    if len(set(threads.values())) > 1:
        say("times were taken with different threads: " + ", ".join(f"{n} {t}" for n, t in threads.items()))
    machines = {run.machine for _, manifest in runs for run in manifest.runs}
    if len(machines) > 1:
        say("times were taken on different machines: they compare machines as well as trackers")


def _write_page(path: Path, comparison: Comparison, root: Path | None) -> None:
    from cdedge.evaluation.datasets import load_dataset
    from cdedge.evaluation.manifest import mean_channels
    from cdedge.pages.comparison import TrackerOnPage, find_failures, write_comparison

    made_by = comparison.summaries[0].manifest.configuration
    names = [score.name for score in comparison.summaries[0].evaluation.scores]
    dataset = load_dataset(made_by.dataset, root or Path(made_by.root), names)
    results = [(s.evaluation, s.folder) for s in comparison.summaries]
    pages = []
    for summary in comparison.summaries:
        last, threads = summary.manifest.runs[-1], summary.manifest.configuration.threads
        pages.append(
            TrackerOnPage(
                summary.evaluation,
                machine=f"{last.machine.processor}, {threads} thread{'s' * (threads > 1)}",
                date=(last.finished or last.started)[:10],
                peak_memory_bytes=None if summary.memory is None else summary.memory.largest_peak_bytes,
                channels=mean_channels(summary.folder),
            )
        )
    write_comparison(
        path,
        pages,
        title=f"Trackers on {made_by.dataset}, {made_by.protocol.upper()}",
        facts={},
        failures=find_failures(dataset, results) if made_by.protocol == "ope" else (),
        protocol=made_by.protocol.upper(),
        notes={
            **({"Intervals": f"{_ALONE.capitalize()}."} if len(dataset.sequences) == 1 else {}),
            "Time": "fps is frames over the time spent in update(); reading images and the first frame are left out.",
        },
    )
