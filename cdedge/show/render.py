"""How results are shown: tables or one JSON object on stdout, talk on stderr."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Literal

from cdedge_runtime.plain import plain

if TYPE_CHECKING:  # the doctor shows its findings where OpenCV is broken; the first box does not wait for rich
    from rich.console import Console, RenderableType
    from rich.text import Text

    from cdedge_runtime.sources.frames import Source
    from cdedge_runtime.stopwatch import StageTime

Level = Literal["ok", "warn", "bad"]

_COLORS: dict[Level, str] = {"ok": "green", "warn": "yellow", "bad": "bold red"}
_GAP = "  "
_RICH_ASKS = ("FORCE_COLOR", "TTY_COMPATIBLE")  # with these it may take a pipe for a terminal


@cache
def talk() -> Console:
    """The console on stderr."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


@cache
def result() -> Console:
    """The console on stdout. A pipe has no width: its lines are not cut at 80 columns."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def is_watched() -> bool:
    """Whether stderr is a terminal, for rich too; it is not loaded where it would say no."""
    return (sys.stderr.isatty() or any(name in os.environ for name in _RICH_ASKS)) and talk().is_terminal


def tinted(word: str, level: Level) -> Text:
    """A word of judgement, which its colour repeats."""
    return _styled(word, _COLORS[level])


def say(text: str) -> None:
    """One line of talk on stderr."""
    _talk(text, soft_wrap=False)


def whats_next(*words: object) -> None:
    """Say the next useful command, as it can be typed: no break is put into it."""
    command = shlex.join(str(word) for word in ("cdedge", *words) if word is not None)
    _talk(f"next: {command}", soft_wrap=True)


def _talk(text: str, *, soft_wrap: bool) -> None:
    if is_watched():
        talk().print(plain(text), markup=False, soft_wrap=soft_wrap)
    else:
        sys.stderr.write(f"{plain(text)}\n")
        sys.stderr.flush()


def introduce(source: Source) -> None:
    """Say what is worth knowing of a source before work starts."""
    for note in source.notes:
        say(note)


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> None:
    """A plain table on stdout; the first column is left-aligned, the others right.

    Where the console is too narrow, each row becomes a paragraph of "column value": no cell is ever cut.
    """
    from rich.table import Table

    cells = [[_text(cell) for cell in row] for row in rows]
    widths = [max(len(name), *(len(row[i]) for row in cells), 0) for i, name in enumerate(columns)]
    if sum(widths) + len(_GAP) * (len(columns) - 1) > result().width:
        _show_paragraphs(title, columns, cells)
        return
    if title:  # not the table's own, which breaks where the table is narrower
        _put(_title(title))
    table = Table(box=None, header_style="bold", pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right", no_wrap=True)
    for row in cells:
        table.add_row(*row)
    _put(table)


def show_facts(title: str, facts: Iterable[tuple[str, str | Text]]) -> None:
    """Name and value pairs on stdout; where a name leaves no room beside it, the value stands below."""
    from rich.table import Table

    pairs = [(name, _text(value)) for name, value in facts]
    if max((len(name) for name, _ in pairs), default=0) > result().width // 2:
        _show_below(title, pairs)
        return
    table = Table(title=_title(title), title_justify="left", box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(name, value)
    _put(table)


def show_stages(stages: Mapping[str, StageTime]) -> None:
    """Print milliseconds per frame of each stage."""
    figures = ("p50", "p90", "p95", "p99", "mean", "max")
    show_table(
        "time per frame",
        ["stage", *(f"{figure} ms" for figure in figures)],
        [(name, *(f"{getattr(t, f'{figure}_ms'):.2f}" for figure in figures)) for name, t in stages.items()],
    )


def _put(what: RenderableType) -> None:
    """Print to stdout; into a file or a pipe without the blanks that fill a terminal's lines."""
    if result().is_terminal:
        result().print(what)
        return
    with result().capture() as shown:
        result().print(what)
    result().file.write("".join(f"{line.rstrip()}\n" for line in shown.get().splitlines()))


def _show_below(title: str, pairs: Sequence[tuple[str, Text]]) -> None:
    from rich.padding import Padding

    _put(_title(title))
    for name, value in pairs:
        _put(_styled(name, "bold"))
        _put(Padding(value, (0, 0, 0, len(_GAP))))


def _show_paragraphs(title: str, columns: Sequence[str], rows: Sequence[Sequence[Text]]) -> None:
    from rich.text import Text

    _put(_title(title))
    for name, *cells in rows:
        _put(Text.assemble((name.plain, "bold")))
        named = [Text.assemble((f"{column} ", "dim"), cell) for column, cell in zip(columns[1:], cells, strict=True)]
        for line in _filled(named, result().width - len(_GAP)):
            _put(Text(_GAP) + Text(_GAP).join(line))


def _filled(words: Sequence[Text], width: int) -> list[list[Text]]:
    """Words in lines of at most ``width`` characters; a longer word has a line of its own."""
    lines: list[list[Text]] = [[]]
    for word in words:
        taken = sum(len(each) + len(_GAP) for each in lines[-1])
        if lines[-1] and taken + len(word) > width:
            lines.append([])
        lines[-1].append(word)
    return lines


def _title(text: str) -> Text:
    return _styled(plain(text), "italic")


def _text(cell: str | Text) -> Text:
    return _styled(plain(cell)) if isinstance(cell, str) else cell


def _styled(text: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(text, style=style)


def many(count: int, word: str, plural: str | None = None) -> str:
    """A count with its word: 1 run, 2 runs."""
    return f"{count} {word}" if count == 1 else f"{count} {plural or f'{word}s'}"


def size(count: int | None) -> str:
    """Bytes for people: decimal units, three figures."""
    if count is None:
        return "not readable"
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if abs(count) >= limit:
            return f"{count / limit:.3g} {unit}"
    return f"{count} B"


def number(count: float) -> str:
    """Large counts for people: 86.7 M."""
    for limit, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if count >= limit:
            return f"{count / limit:.3g}{unit}"
    return f"{count:.3g}"
