"""Pages made from the code while the site is built: commands, settings, errors and schemas."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

DOCS = Path(__file__).parent


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made."""
    for name, make in (("commands", commands), ("settings", settings), ("errors", errors), ("schemas", schemas)):
        files.append(File.generated(config, f"reference/{name}.md", content=make()))
    return files


def commands() -> str:
    """Every command's help."""
    from cdedge.app import every_command

    parts = ["# Commands\n", "Every command takes `--help`. Exit codes are in [errors](errors.md)."]
    for name, command in every_command().items():
        if not command.hidden:
            parts += [f"## cdedge {name}\n", _text(command.help or ""), _options(command.params)]
    return "\n\n".join(parts) + "\n"


def _options(params: list[Any]) -> str:
    rows = ["| option | meaning |", "| --- | --- |"]
    for param in params:
        words = [*param.opts, *param.secondary_opts] if param.param_type_name == "option" else [param.name.upper()]
        shown = " ".join(f"`{word.strip()}`" for word in words if word.strip())
        rows.append(f"| {shown} | {_cell(getattr(param, 'help', None) or '')} |")
    return "\n".join(rows)


def settings() -> str:
    """Every tracker's settings with their defaults, and what the class says of them."""
    from cdedge_runtime.kinds import find_kind, names

    parts = ["# Settings\n", "A model file carries them; `--set NAME=VALUE` changes one when it is exported."]
    for name in names():
        record = find_kind(name).settings
        head, _, rest = (inspect.getdoc(record) or "").partition("\n\n")
        said = _said(rest, [f.name for f in dataclasses.fields(record)])
        rows = ["| setting | default | meaning |", "| --- | --- | --- |"]
        rows += [
            f"| `{f.name}` | `{_default(record(), f.name)}` | {said.get(f.name, '')} |"
            for f in dataclasses.fields(record)
        ]
        parts += [f"## {name}\n", _text(head), "\n".join(rows)]
    return "\n\n".join(parts) + "\n"


def _default(record: Any, name: str) -> str:
    value = getattr(record, name)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _said(text: str, names: list[str]) -> dict[str, str]:
    """What a docstring says of each setting: "name: ..." or "name, other: ...", several in a line."""
    one = "(?:" + "|".join(sorted(names, key=len, reverse=True)) + ")"
    parts = re.split(rf"(?<![\w`])({one}(?:, {one})*): ", " ".join(text.split()))[1:]
    return {
        name: _cell(said.strip().rstrip(".;"))
        for group, said in zip(parts[::2], parts[1::2], strict=True)
        for name in group.split(", ")
    }


def errors() -> str:
    """The tree of errors and their exit codes."""
    from cdedge_runtime import errors as module

    kinds = [kind for kind in vars(module).values() if inspect.isclass(kind) and issubclass(kind, module.CdedgeError)]
    rows = ["| error | exit code | what it means |", "| --- | --- | --- |"]
    rows += [
        f"| `{k.__name__}` | {k.exit_code} | {_cell((inspect.getdoc(k) or '').partition(chr(10))[0])} |" for k in kinds
    ]
    head = "# Errors and exit codes\n\n0 is success, 130 stopped by a signal. Every error is a `CdedgeError`; its "
    return head + "text says what was expected, what came and what to do.\n\n" + "\n".join(rows) + "\n"


def schemas() -> str:
    """The JSON schemas of what commands print."""
    rows = []
    for path in sorted((DOCS / "schemas").glob("*.json")):
        name = json.loads(path.read_text())["$id"]
        rows.append(f"- [{name}](../schemas/{path.name})")
    head = "# JSON answers\n\nWhat `--json` prints: one object, whose `schema` names one of these.\n\n"
    return head + "\n".join(rows) + "\n"


def _text(text: str) -> str:
    return inspect.cleandoc(text.replace("\b\n", "")).replace("``", "`").replace("<", "&lt;")


def _cell(text: str) -> str:
    return " ".join(_text(text).split()).replace("|", "\\|")
