"""The plot of a plan as a file of its own."""

from __future__ import annotations

from xml.etree import ElementTree

from cdedge.planning.budget import Budget, options_svg
from tests.planning.test_budget import ALL, MIDDLE, SMALL

SPACE = "{http://www.w3.org/2000/svg}"
LAYERS = {option.candidate.layers for option in ALL}


def _drawn(budget: Budget) -> ElementTree.Element:
    return ElementTree.fromstring(  # noqa: S314 - our own
        options_svg("a <b> & c \x1b \x00", ALL, (SMALL, MIDDLE), MIDDLE, budget)
    )


def _texts(root: ElementTree.Element, css: str) -> list[str | None]:
    return [each.text for each in root.iter(f"{SPACE}text") if each.attrib.get("class") == css]


def test_the_file_is_svg_with_a_mark_per_option_and_per_layer_of_the_legend() -> None:
    root = _drawn(Budget(None, None))
    assert root.tag == f"{SPACE}svg"
    marks = [each for each in root.iter(f"{SPACE}g") if "mark" in each.attrib.get("class", "")]
    assert len(marks) == len(ALL) + len(LAYERS)
    assert {f"layer {name}" for name in LAYERS} <= set(_texts(root, "name"))


def test_the_fronts_options_have_names_and_no_label_is_empty() -> None:
    root = _drawn(Budget(None, None))
    assert sorted(map(str, _texts(root, "label"))) == sorted([f"chosen: {MIDDLE.candidate.name}", SMALL.candidate.name])
    assert all(each.text for each in root.iter(f"{SPACE}text"))


def test_the_budgets_bounds_are_lines_with_their_values() -> None:
    root = _drawn(Budget(24_000_000, 30.0))
    assert _texts(root, "bound") == ["at most 24 MB", "at least 30 fps"]
    lines = [each.attrib for each in root.iter(f"{SPACE}line") if each.attrib.get("class") == "guide"]
    assert [line["x1"] == line["x2"] for line in lines] == [True, False]
    assert _texts(_drawn(Budget(None, None)), "bound") == []


def test_a_bound_outside_all_options_is_drawn_inside_the_plot() -> None:
    left, top, width, height = map(float, _drawn(Budget(None, None)).attrib["viewBox"].split())
    for line in _drawn(Budget(900_000_000, 0.5)).iter(f"{SPACE}line"):
        assert left <= float(line.attrib["x1"]) <= left + width
        assert top <= float(line.attrib["y1"]) <= top + height
