"""Tables of scores."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from cdedge.evaluation.compare import Comparison, by_auc
from cdedge.evaluation.results import Difference
from cdedge.evaluation.summary import Summary
from cdedge.show.render import many, say, show_facts, show_table, size, tinted


def show_summary(summary: Summary) -> None:
    """Scores of one results folder: each sequence, then the whole."""
    evaluation = summary.evaluation
    show_table(
        f"{evaluation.name} on {evaluation.kind}",
        ["sequence", "frames", "P20", "AUC", "SR0.5", "fps"],
        [
            (
                Text.assemble(score.name, tinted(" (failed)", "bad") if _failed(summary, score.name) else ""),
                str(score.frames),
                f"{score.curves.precision_20px:.3f}",
                f"{score.curves.auc:.3f}",
                f"{score.curves.sr_50:.3f}",
                _or_dash(score.fps, ".1f"),
            )
            for score in evaluation.scores
        ],
    )
    show_facts("", _facts(summary))
    for name, reason in evaluation.missing:
        say(f"not scored: {name}: {reason}")


def show_sweep(rows: list[dict[str, Any]]) -> None:
    """One line per configuration of a sweep, best AUC first."""
    show_table(
        "sweep",
        ["configuration", "sequences", "P20", "AUC", "95 %", "fps", "p50 ms", "over floor"],
        [
            (
                _with_failures(row["name"], row["failures"]),
                str(row["sequences"]),
                f"{row['precision_20px']:.3f}",
                f"{row['auc']:.3f}",
                f"{row['auc_low']:.3f}..{row['auc_high']:.3f}",
                _or_dash(row["fps"], ".1f"),
                _or_dash(row["p50_ms"], ".2f"),
                "-" if row["peak_over_floor_bytes"] is None else size(row["peak_over_floor_bytes"]),
            )
            for row in sorted(rows, key=lambda row: -row["auc"])
        ],
    )


def show_comparison(comparison: Comparison) -> None:
    """Quality, then time and memory, best AUC first; a difference whose interval holds 0 is not significant (n.s.)."""
    ranked, first = by_auc(comparison), comparison.summaries[0].evaluation
    show_table(
        f"{many(len(first.scores), 'sequence')}, intervals 95 % over sequences, differences to {first.name}",
        ["tracker", "P20", "AUC", "interval", "AUC difference"],
        [_quality_row(summary, difference) for summary, difference in ranked],
    )
    show_table(
        "time and memory",
        ["tracker", "fps", "p50 ms", "p95 ms", "peak", "over floor"],
        [_cost_row(summary) for summary, _ in ranked],
    )


def _quality_row(summary: Summary, difference: Difference) -> tuple[str | Text, ...]:
    evaluation = summary.evaluation
    noise = " n.s." if difference.is_noise else ""
    same = (difference.mean, difference.low, difference.high) == (0, 0, 0)
    return (
        _with_failures(evaluation.name, len(summary.failures)),
        f"{evaluation.mean.precision_20px:.3f}",
        f"{evaluation.mean.auc:.3f}",
        f"{evaluation.auc_interval[0]:.3f}..{evaluation.auc_interval[1]:.3f}",
        "-" if same else f"{difference.mean:+.3f} ({difference.low:+.3f}..{difference.high:+.3f}){noise}",
    )


def _cost_row(summary: Summary) -> tuple[str, ...]:
    speed, memory = summary.evaluation.speed, summary.memory
    return (
        summary.evaluation.name,
        _or_dash(None if speed is None else speed.fps, ".1f"),
        _or_dash(None if speed is None else speed.p50_ms, ".2f"),
        _or_dash(None if speed is None else speed.p95_ms, ".2f"),
        "-" if memory is None else size(memory.largest_peak_bytes),
        "-" if memory is None else size(memory.largest_over_floor_bytes),
    )


def _with_failures(name: str, count: int) -> Text:
    return Text.assemble(name, tinted(f" ({count} failed)", "bad") if count else "")


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _facts(summary: Summary) -> list[tuple[str, str]]:
    evaluation, low_high = summary.evaluation, summary.evaluation.auc_interval
    made_by = summary.manifest.configuration
    facts = [
        (
            "protocol",
            f"{made_by.protocol}, {many(len(evaluation.scores), 'sequence')}, rows by {evaluation.convention}",
        ),
        ("precision at 20 px", f"{evaluation.mean.precision_20px:.3f}"),
        ("AUC", f"{evaluation.mean.auc:.3f} (95 % over sequences: {low_high[0]:.3f} to {low_high[1]:.3f})"),
        ("SR at 0.5", f"{evaluation.mean.sr_50:.3f}"),
    ]
    speed, memory = evaluation.speed, summary.memory
    if speed is not None:
        text = f"{speed.fps:.1f} without reading, {many(made_by.threads, 'thread')}"
        facts.append(("fps", f"{text} (p50 {speed.p50_ms:.2f} ms, p95 {speed.p95_ms:.2f} ms)"))
        facts.append(("first frame", f"{speed.init_ms:.1f} ms"))
    if memory is not None:
        over = f"{size(memory.largest_over_floor_bytes)} over the bare libraries"
        facts.append(("peak memory", f"{size(memory.largest_peak_bytes)} in one process, {over}"))
    return [*facts, ("results", str(summary.folder))]


def _failed(summary: Summary, name: str) -> bool:
    return any(key == name or key.startswith(f"{name}.") for key in summary.failures)
