"""``cdedge warm``: build what a provider builds on first use, once, before it matters."""

from __future__ import annotations

from typing import Annotated

import typer

from cdedge.answer import emit_json
from cdedge.options import JsonOption, ModelArgument
from cdedge.show.progress import working
from cdedge.show.render import show_facts, size, whats_next
from cdedge_runtime.measure.warm import WarmReport, WarmRequest
from cdedge_runtime.measure.warm import warm as run_warm
from cdedge_runtime.record import encode


def warm(
    model: ModelArgument,
    provider: Annotated[str, typer.Option(help="tensorrt keeps its engine; cpu and cuda only say times.")] = "tensorrt",
    as_json: JsonOption = False,
) -> None:
    """Build and keep TensorRT's engine for a model, so that the first frame does not wait minutes for it."""
    with working("building (TensorRT may take minutes)") as tick:
        report = run_warm(WarmRequest(str(model), provider), tick)
    if as_json:
        emit_json("cdedge.warm/1", {"model": str(model), **encode(report)})
    else:
        _show(report)
        whats_next("bench", model, "--provider", provider)


def _show(report: WarmReport) -> None:
    kept = "nothing: this provider builds nothing to keep"
    if report.cache is not None:
        state = "already there" if report.cached_before_bytes else "built now"
        kept = f"{size(report.cached_bytes)} in {report.cache} ({state})"
    facts = [
        ("load", f"{report.load_ms:.0f} ms"),
        ("runs", f"first {report.first_run_ms:.1f} ms, second {report.second_run_ms:.1f} ms"),
        ("kept", kept),
    ]
    if report.nodes is not None:
        facts.append(("graph nodes", ", ".join(f"{count} on {name}" for name, count in report.nodes.items())))
    show_facts(report.provider, facts)
