"""The command line says how a field of the library's errors is given, and the library says no option's name."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from cdedge.app import every_command
from cdedge.spelling import as_given, spelled
from cdedge_export.options import infos
from cdedge_runtime.errors import BadInput, CdedgeError, Usage
from tests.conftest import Done

ROOT = Path(__file__).parents[2]
LIBRARY = [
    path
    for package in ("runtime/cdedge_runtime", "export/cdedge_export", "devices/cdedge_devices")
    for path in sorted((ROOT / package).rglob("*.py"))
    if path.name != "__main__.py"
]


commands = cache(every_command)


def options() -> set[str]:
    """Every option of every command."""
    params = [param for command in commands().values() for param in command.params]
    return {name for param in params for name in (*param.opts, *param.secondary_opts)}


def raised_texts(path: Path) -> Iterator[str]:
    """The constant parts of texts in ``raise`` statements."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Raise) and node.exc is not None:
            yield from (n.value for n in ast.walk(node.exc) if isinstance(n, ast.Constant) and isinstance(n.value, str))


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_library_names_no_option(path: Path) -> None:
    """rpicam-hello's own --list-cameras is no option of ours."""
    command = re.compile(r"\bcdedge (export|bench|track|inspect|layers)\b")
    for text in raised_texts(path):
        assert not set(re.findall(r"--[a-z][a-z-]+", text)) & options()
        assert not command.search(text)


FIELDS = [
    *infos(), "box", "depth_range", "frame_px", "model", "provider", "reconnect_s", "start", "threads", "workers",
]  # fmt: skip


@pytest.mark.parametrize("field", FIELDS)
def test_what_is_spelled_is_an_option_of_a_command(field: str) -> None:
    text = str(as_given(field))
    for name in re.findall(r"--[a-z-]+", text):
        assert name in options()
    for name in re.findall(r"'cdedge (\w+)'", text):
        assert name in commands()


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Usage("no target", field="box"), "no target (--box X,Y,W,H; 'cdedge select' draws it)"),
        (Usage("plan: it holds components"), "--channels-from: it holds components"),
        (Usage("give it with --box", field="box"), "give it with --box"),
        (BadInput("frame: expected an array", field="frame"), "frame: expected an array"),
        (BadInput("a.txt: row 3 is none"), "a.txt: row 3 is none"),
    ],
)
def test_the_option_is_added_where_it_is_not_named(error: CdedgeError, text: str) -> None:
    assert spelled(error) == text


def test_a_command_says_it(cdedge: Callable[..., Done], tiny_model: Path, square_folder: Path) -> None:
    (square_folder / "groundtruth_rect.txt").unlink()
    done = cdedge("track", tiny_model, square_folder)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("(--box X,Y,W,H; 'cdedge select' draws it)")
    done = cdedge("track", tiny_model, square_folder, "--box", "40,50,24,20", "--provider", "tensorrt")
    assert done.returncode == 3
    assert "(--provider; 'cdedge doctor' says" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("name", every_command())
def test_help_shows_a_dozen_options_first(name: str) -> None:
    """The others have a panel of their own."""
    options = [p for p in commands()[name].params if p.param_type_name == "option"]
    assert len([p for p in options if p.rich_help_panel is None]) <= 12
