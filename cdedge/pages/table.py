"""Tables that the page's script sorts by a click on a column's heading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


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
