"""``cdedge doctor``: what is wrong with this machine, and what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from cdedge.answer import emit_json
from cdedge.doctor.checks import examine
from cdedge.doctor.facts import Finding
from cdedge.doctor.gather import gather
from cdedge.options import JsonOption
from cdedge.show.render import many, say, show_facts, tinted, whats_next
from cdedge_runtime.errors import BadEnvironment


def doctor(
    model: Annotated[
        Path | None, typer.Argument(help="A file made by 'cdedge export', to try it here.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Look for known traps on this machine. Exit code 3 if something cdedge needs does not work."""
    facts = gather(model)
    findings = examine(facts)
    if as_json:
        emit_json("cdedge.doctor/1", {"findings": findings, "facts": facts})
    else:
        _show(findings)
        say(verdict(findings.values()))
    if any(each.level == "bad" for each in findings.values()):
        raise typer.Exit(BadEnvironment.exit_code)
    if not as_json:
        _tell_next(model)


def verdict(findings: Iterable[Finding]) -> str:
    """All findings in a sentence."""
    levels = Counter(each.level for each in findings)
    said = [many(levels["bad"], "fault")] * bool(levels["bad"]) + [many(levels["warn"], "warning")] * bool(
        levels["warn"]
    )
    if not said:
        return "cdedge works here"
    begin = "cdedge does not work here as it should" if levels["bad"] else "cdedge works here"
    return f"{begin}: {' and '.join(said)} above, each with what to do"


def _tell_next(model: Path | None) -> None:
    if model is not None:
        whats_next("bench", model)
    elif find_spec("torch") is not None:
        whats_next("export", "--layers", "11", "-o", "demo.onnx")
    else:
        whats_next("devices")


def _show(findings: dict[str, Finding]) -> None:
    show_facts("doctor", [(name, _cell(finding)) for name, finding in findings.items()])


def _cell(finding: Finding) -> Text:
    remedy = f"\n    -> {finding.remedy}" if finding.remedy else ""
    return Text.assemble(tinted(finding.level, finding.level), f"  {finding.what}{remedy}")
