"""The plot of a plan as a file of its own."""

from __future__ import annotations

from xml.etree import ElementTree

from cdedge.planning.plot import options_svg
from tests.planning.test_budget import ALL, MIDDLE, SMALL


def test_the_file_is_svg_with_a_point_per_option_and_names_of_the_front() -> None:
    root = ElementTree.fromstring(options_svg("a <b> & c", ALL, (SMALL, MIDDLE), MIDDLE))  # noqa: S314 - our own
    space = "{http://www.w3.org/2000/svg}"
    assert root.tag == f"{space}svg"
    marks = [each for each in root.iter(f"{space}g") if "mark" in each.attrib.get("class", "")]
    assert len(marks) == len(ALL)
    names = {each.text for each in root.iter(f"{space}text") if each.attrib.get("class") == "label"}
    assert {f"chosen: {MIDDLE.candidate.name}", SMALL.candidate.name} <= names
