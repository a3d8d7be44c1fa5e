"""The files of a vot-toolkit workspace: entries in trackers.ini; in a new one config.yaml and stack.yaml."""

from __future__ import annotations

import configparser
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from cdedge.vot.entries import Setup
from cdedge_runtime.errors import BadInput, MissingExtra, Usage
from cdedge_runtime.files import write_whole

_CONFIG = "registry:\n- ./trackers.ini\nstack: stack.yaml\n"
_SUPERVISED = "cdedge.vot.supervised.Supervised"
_TIMEOUT_S, _DISTIL_TIMEOUT_S = 120, 1800


@dataclass(frozen=True)
class Prepared:
    """What was written: the identifiers added to trackers.ini, and the stack of a new workspace."""

    workspace: Path
    trackers: tuple[str, ...]
    stack: str | None
    experiments: tuple[str, ...]


def prepare(folder: Path, setup: Setup, *, name: str, stack: str | None) -> Prepared:
    """Add ``name`` (python protocol) and ``name``-trax to the workspace, which is made where there is none.

    Raises `Usage` for identifiers that exist already: the toolkit keeps results by identifier, and those of
    two models must not mix.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise Usage(f"--name {name}: the toolkit takes letters, digits, '-' and '_' only")
    is_new = not (folder / "config.yaml").exists()
    if stack is not None and not is_new:
        raise Usage(f"{folder} is a workspace already: leave --stack out, or name another folder")
    entries = _entries(setup, name)
    listed = _with_entries(folder / "trackers.ini", entries)
    stack_name = (stack or "vot2018/shortterm") if is_new else None
    content = None if stack_name is None else _stack(stack_name)
    (folder / "sequences").mkdir(parents=True, exist_ok=True)
    if content is not None:
        write_whole(folder / "stack.yaml", _yaml().safe_dump(content, sort_keys=False).encode())
    write_whole(folder / "trackers.ini", listed.encode())
    if is_new:
        write_whole(folder / "config.yaml", _CONFIG.encode())
    return Prepared(folder, tuple(entries), stack_name, tuple(content["experiments"]) if content else ())


def _entries(setup: Setup, name: str) -> dict[str, dict[str, str]]:
    words = setup.words()
    server = [sys.executable, "-m", "cdedge.vot.trax_server"]
    for key, value in words.items():
        server += [f"--{key}", value]
    timeout = str(_TIMEOUT_S if setup.model else _DISTIL_TIMEOUT_S)
    # The toolkit reads every text but the empty one as yes.
    python = {"protocol": "python", "command": "cdedge.vot:Tracker", "multiobject": "", "timeout": timeout}
    return {
        name: {"label": name, **python, **{f"arg_{key}": value for key, value in words.items()}},
        f"{name}-trax": {
            "label": f"{name} (TraX)",
            "protocol": "trax",
            "command": shlex.join(server),
            "timeout": timeout,
        },
    }


def _with_entries(path: Path, entries: Mapping[str, Mapping[str, str]]) -> str:
    """Add ``entries`` at the end of trackers.ini's text; what stands there is kept to the letter."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    known = configparser.ConfigParser()
    try:
        known.read_string(text)
    except configparser.Error as error:
        raise BadInput(f"{path}: not a list of trackers: {str(error).splitlines()[0]}") from error
    taken = [name for name in entries if known.has_section(name)]
    if taken:
        raise Usage(f"{path} has {taken[0]} already; the toolkit keeps results by that name: choose another --name")
    blocks = [text.rstrip("\n")] if text.strip() else []
    for name, values in entries.items():
        # configparser takes a single % for the start of a reference.
        lines = [f"{key} = {value.replace('%', '%%')}".rstrip() for key, value in values.items()]
        blocks.append("\n".join([f"[{name}]", *lines]))
    return "\n\n".join(blocks) + "\n"


def _stack(name: str) -> dict[str, Any]:
    """Read a stack of the toolkit, or a file, and give its supervised experiments the class that runs."""
    yaml = _yaml()
    path = Path(name)
    if path.suffix != ".yaml":
        path = _stacks_folder() / f"{name}.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        for experiment in content["experiments"].values():
            if experiment["type"] == "supervised":
                experiment["type"] = _SUPERVISED
    except FileNotFoundError as error:
        raise Usage(f"--stack {name}: no such stack; expected {_known_stacks()}, or a .yaml file") from error
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(
            f"{path}: not an experiment stack of the VOT toolkit ({type(error).__name__}: {error})"
        ) from error
    return dict(content)


def _known_stacks() -> str:
    root = _stacks_folder()
    names = (p.relative_to(root).with_suffix("").as_posix() for p in root.rglob("*.yaml"))
    return ", ".join(sorted(n for n in names if not n.startswith("tests/")))


def _stacks_folder() -> Path:
    """Find the toolkit's stacks without importing it, which takes seconds."""
    found = find_spec("vot")
    if found is None or found.origin is None:
        raise MissingExtra("vot-toolkit is not installed", "vot")
    return Path(found.origin).parent / "stack"


def _yaml() -> ModuleType:
    """Import PyYAML, which comes with the toolkit."""
    try:
        return import_module("yaml")
    except ImportError as error:
        raise MissingExtra("vot-toolkit is not installed", "vot") from error
