"""The skeleton of a page: style and script inside, and a policy that forbids any fetching."""

from __future__ import annotations

from collections.abc import Iterable
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
