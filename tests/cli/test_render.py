"""Tables and facts on narrow terminals: what is said is never cut."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from cdedge.show import render

COLUMNS = ["tracker", "AUC", "interval", "AUC difference", "over floor"]
ROWS = [
    ("a-tracker-of-a-rather-long-name [chain]", ".695", "0.589..0.766", "-0.121 (-0.200..-0.040)", "25.8 MB"),
    ("csrt", ".574", "0.451..0.679", "+0.010 (-0.020..+0.040) n.s.", "32.8 MB"),
]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> io.StringIO:
    text = io.StringIO()
    console = Console(file=text, width=request.param, highlight=False)
    monkeypatch.setattr(render, "result", lambda: console)
    return text


@pytest.mark.parametrize("shown", [48, 80, 100, 160], indirect=True)
def test_no_cell_of_a_table_is_cut_or_broken(shown: io.StringIO) -> None:
    render.show_table("a title", COLUMNS, ROWS)
    lines = shown.getvalue().splitlines()
    for cell in (*COLUMNS[1:], *(cell for row in ROWS for cell in row)):
        assert any(cell in line for line in lines), cell


@pytest.mark.parametrize("shown", [80], indirect=True)
def test_lines_keep_within_the_terminal(shown: io.StringIO) -> None:
    render.show_table("a title", COLUMNS, ROWS)
    assert max(map(len, shown.getvalue().splitlines())) <= 80


@pytest.mark.parametrize("shown", [160], indirect=True)
def test_a_wide_terminal_has_one_line_per_row(shown: io.StringIO) -> None:
    render.show_table("a title", COLUMNS, ROWS)
    assert len(shown.getvalue().splitlines()) == 2 + len(ROWS)


@pytest.mark.parametrize("shown", [80], indirect=True)
def test_a_title_wider_than_its_table_is_one_line(shown: io.StringIO) -> None:
    title = "a title that is wider than the table below it"
    render.show_table(title, ["a", "b"], [("1", "2")])
    assert shown.getvalue().splitlines()[0].rstrip() == title


@pytest.mark.parametrize("shown", [80], indirect=True)
def test_brackets_are_text_and_no_style(shown: io.StringIO) -> None:
    render.show_facts("of [red]", [("file", "clip[bold].mp4")])
    assert "of [red]" in shown.getvalue()
    assert "clip[bold].mp4" in shown.getvalue()


def test_a_judgement_is_a_word_that_its_colour_repeats() -> None:
    texts = [render.tinted("so", level) for level in ("ok", "warn", "bad")]
    assert {text.plain for text in texts} == {"so"}
    assert len({str(text.style) for text in texts}) == 3


def test_talk_in_a_pipe_is_not_broken(capsys: pytest.CaptureFixture[str]) -> None:
    said = " ".join(["word"] * 40)
    render.say(said)
    assert capsys.readouterr().err == f"{said}\n"


@pytest.mark.parametrize(("name", "value", "watched"), [("FORCE_COLOR", "1", True), ("TTY_COMPATIBLE", "0", False)])
def test_rich_is_asked_whether_a_pipe_counts_as_a_terminal(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, watched: bool
) -> None:
    monkeypatch.setenv(name, value)
    assert render.is_watched() is watched
