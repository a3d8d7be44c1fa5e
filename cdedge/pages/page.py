"""The skeleton of a page: style and script inside, a policy that forbids any fetching, and tables that sort."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def page(title: str, parts: Iterable[str]) -> str:
    """Return a whole HTML document of ``parts``, which are markup."""
    text = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>\n{_asset('page.css')}</style>\n</head>\n<body>\n<main>\n"
        f"{_lines(parts)}</main>\n<script>\n{_asset('page.js')}</script>\n</body>\n</html>\n"
    )
    return text.encode("utf-8", "backslashreplace").decode()  # bytes of a file's name that are no UTF-8 are written out


def section(heading: str, *parts: str) -> str:
    """Return a section of markup under a heading."""
    name = heading.lower().replace(" ", "-")
    head = f'<h2 id="{escape(name)}">{escape(heading)}</h2>'
    return f'<section aria-labelledby="{escape(name)}">\n{head}\n{_lines(parts)}</section>'


def facts_list(facts: Iterable[tuple[str, str]], css: str = "facts") -> str:
    """Names and values, escaped here."""
    pairs = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    return f'<dl class="{css}">{pairs}</dl>'


def paragraph(text: str, css: str = "note") -> str:
    """Return a paragraph of plain text, escaped here."""
    return f'<p class="{css}">{escape(text)}</p>'


def warning(text: str) -> str:
    """Return a paragraph that begins with the word and has its colour, escaped here."""
    return f'<p class="warning"><strong>Warning</strong> {escape(text)}</p>'


def folded(summary: str, markup: str) -> str:
    """Return markup that a click on its summary unfolds."""
    return f"<details><summary>{escape(summary)}</summary>\n{markup}\n</details>"


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _lines(parts: Iterable[str]) -> str:
    return "".join(f"{part}\n" for part in parts if part)


@dataclass(frozen=True)
class Cell:
    """``markup`` is shown as it is, so its maker escapes; rows are sorted by ``key``, None last."""

    markup: str
    key: float | str | None


@dataclass(frozen=True)
class Column:
    """A column; numbers are aligned right and their first click sorts the largest first."""

    heading: str
    cells: tuple[Cell, ...]
    is_text: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether no row has a value."""
        return all(cell.key is None for cell in self.cells)


def text_cell(text: str) -> Cell:
    """Return a cell of plain text."""
    return Cell(escape(text), text)


def number_cell(value: float | None, text: str) -> Cell:
    """Return a cell of a number written as ``text``; a dash where there is none."""
    return Cell('<span class="none">&ndash;</span>', None) if value is None else Cell(escape(text), value)


def sortable_table(name: str, columns: Sequence[Column], *, sorted_by: int | None = None) -> str:
    """Return a table in its own scrolling region; the first column heads the rows, empty ones are left out.

    ``sorted_by`` is the index of the column by which the rows lie already: text from A, numbers from the largest.
    """
    kept = [(c, _order(c) if i == sorted_by else None) for i, c in enumerate(columns) if not c.is_empty]
    heads = "".join(_head(column, state) for column, state in kept)
    rows = "".join(_row([c for c, _ in kept], index) for index in range(len(kept[0][0].cells)))
    return (
        f'<div class="scroll" role="region" aria-label="{escape(name)}" tabindex="0">'
        f'<table class="sortable"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _order(column: Column) -> str:
    return "ascending" if column.is_text else "descending"


def _head(column: Column, order: str | None) -> str:
    kind = "text" if column.is_text else "number"
    state = f' aria-sort="{order}"' if order else ""
    return f'<th scope="col" class="{kind}"{state}><button type="button">{escape(column.heading)}</button></th>'


def _row(columns: Sequence[Column], index: int) -> str:
    first, *others = columns
    return f"<tr>{_cell(first, index, 'th')}{''.join(_cell(c, index, 'td') for c in others)}</tr>"


def _cell(column: Column, index: int, tag: str) -> str:
    cell = column.cells[index]
    scope = ' scope="row"' if tag == "th" else ""
    key = "" if cell.key is None else escape(str(cell.key))
    kind = "text" if column.is_text else "number"
    return f'<{tag}{scope} class="{kind}" data-key="{key}">{cell.markup}</{tag}>'
