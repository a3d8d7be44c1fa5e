"""The page as text: whole, closed, escaped, in order."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from cdedge.pages.comparison import TrackerOnPage, comparison_page, write_comparison
from cdedge_runtime.errors import BadEnvironment, BadInput

from .reader import read
from .trackers import make_evaluation

_LEGEND = re.compile(r"<span>([^<]+) \[(\d\.\d{3})\]</span>")


def make_page(
    *trackers: TrackerOnPage, title: str = "Report", protocol: str = "OPE", notes: dict[str, str] | None = None
) -> str:
    return comparison_page(trackers, title=title, facts={}, failures=(), protocol=protocol, notes=notes or {})


def make_trackers() -> list[TrackerOnPage]:
    drifts = {"middle": 1.0, "best": 0.2, "worst": 3.0}
    return [
        TrackerOnPage(make_evaluation(name, drift, fps=10 ** (i + 1)), "desk", "2025-01-02", 10**8 * (i + 1), 28)
        for i, (name, drift) in enumerate(drifts.items())
    ]


def test_the_page_is_well_formed_and_asks_for_nothing() -> None:
    html = make_page(*make_trackers())
    reader = read(html)
    assert (reader.open, reader.wrong) == ([], [])
    assert all(reference.startswith("data:") for reference in reader.references)
    assert not re.search(r"https?:|//[a-z]+\.|@import|url\(", html)
    assert len(reader.ids) == len(set(reader.ids))


def test_legends_and_the_summary_are_ordered_by_score() -> None:
    trackers = make_trackers()
    html = make_page(*trackers)
    legend = _LEGEND.findall(html)
    curves = {t.name: t.evaluation.mean for t in trackers}
    assert [name for name, _ in legend] == ["best", "middle", "worst"] * 2
    assert [text for _, text in legend[:3]] == [f"{curves[n].auc:.3f}" for n in ("best", "middle", "worst")]
    assert [text for _, text in legend[3:]] == [f"{curves[n].precision_20px:.3f}" for n in ("best", "middle", "worst")]
    assert re.findall(r'class="text" data-key="(\w+)"', html)[:3] == ["best", "middle", "worst"]


def test_the_precision_legend_has_its_own_order() -> None:
    first, second = make_evaluation("first", 0.2), make_evaluation("second", 1.0)
    swapped = [
        replace(a, mean=replace(a.mean, precision=b.mean.precision)) for a, b in ((first, second), (second, first))
    ]
    html = make_page(*(TrackerOnPage(evaluation) for evaluation in swapped))
    assert [name for name, _ in _LEGEND.findall(html)] == ["first", "second", "second", "first"]


def test_a_curve_passes_through_its_values() -> None:
    (tracker,) = [TrackerOnPage(make_evaluation("only", 0.0))]
    success, _ = re.findall(r'points="([^"]+)"', make_page(tracker))
    points = [tuple(map(float, pair.split(","))) for pair in success.split()]
    assert len(points) == 21
    assert {y for _, y in points[:20]} == {10.0}  # a perfect tracker: 1 up to 0.95, 0 at 1
    assert points[20][1] == 272.0


def test_differences_are_to_the_first_tracker() -> None:
    html = make_page(*make_trackers())
    assert "AUC − middle" in html
    first, second = (row for row in html.split("<tr>") if 'class="difference"' in row)
    assert 'data-key="best"' in first
    assert "<span>+0." in first
    assert 'data-key="worst"' in second
    assert "<span>−0." in second


def test_a_difference_that_may_be_nothing_reads_as_noise() -> None:
    better, worse = make_evaluation("a", 1.0), make_evaluation("b", 1.0)
    assert "noise [" in make_page(TrackerOnPage(better), TrackerOnPage(worse))
    assert "noise [" not in make_page(TrackerOnPage(better), TrackerOnPage(make_evaluation("c", 5.0)))


def test_all_text_is_escaped() -> None:
    evil = "<script>alert('&\"')</script>"
    tracker = TrackerOnPage(make_evaluation(evil, 1.0, names=(evil, "b")), machine=evil, date=evil)
    html = comparison_page([tracker], title=evil, facts={evil: evil}, failures=(), notes={evil: evil})
    assert html.count("<script>") == 1
    assert "<i>" not in html
    assert evil in "".join(read(html).text)


def test_what_nobody_knows_is_left_out() -> None:
    trackers = [TrackerOnPage(make_evaluation(name, 1.0, fps=None)) for name in ("a", "b")]
    html = make_page(*trackers)
    for word in ("fps</button>", "Peak memory", "Channels", "Speed and memory", "Machine", "Failures"):
        assert word not in html
    known = make_page(*make_trackers())
    for word in ("fps</button>", "Peak memory", "Channels", "Speed and memory", "Machine"):
        assert word in known


def test_a_speed_known_for_one_tracker_only_is_said() -> None:
    html = make_page(
        TrackerOnPage(make_evaluation("timed", 1.0)), TrackerOnPage(make_evaluation("bare", 2.0, fps=None))
    )
    assert "Not known for bare" in html
    assert "&ndash;" in html


def test_what_cannot_be_compared_is_said() -> None:
    short = TrackerOnPage(make_evaluation("short", 1.0, names=("Ant", "Bee")), machine="board")
    html = make_page(TrackerOnPage(make_evaluation("full", 1.0), machine="desk"), short)
    assert "Means are over different sequences: full 3, short 2; 2 are common to all." in html
    assert "different machines" in html
    assert 'class="warning"' not in make_page(*make_trackers())


def test_protocol_and_notes_of_the_caller() -> None:
    html = make_page(*make_trackers(), protocol="SRE", notes={"Time": "update alone"})
    assert "Success plots of SRE" in html
    assert "<dt>Time</dt><dd>update alone</dd>" in html
    assert html.count("<dt>Time</dt>") == 1


@pytest.mark.parametrize(
    ("evaluations", "text"),
    [
        ([], "at least one"),
        ([("a", "otb"), ("a", "otb")], "two results are called a"),
        ([("a", "otb"), ("b", "vot")], "otb and vot"),
    ],
)
def test_trackers_that_cannot_share_a_page(evaluations: list[tuple[str, str]], text: str) -> None:
    trackers = [TrackerOnPage(make_evaluation(name, 1.0, kind=kind)) for name, kind in evaluations]
    with pytest.raises(BadInput, match=text):
        make_page(*trackers)


def test_thirty_two_trackers_all_look_different() -> None:
    html = make_page(*(TrackerOnPage(make_evaluation(f"t{i}", i / 20)) for i in range(32)))
    looks = re.findall(r'<polyline class="(ink-\d)" stroke-dasharray="([^"]*)"', html)
    assert len(looks) == 64
    assert len(set(looks)) == 32


def test_the_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_comparison(path, make_trackers(), title="Report", facts={}, failures=())
    assert path.read_text(encoding="utf-8").endswith("</html>\n")
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(BadEnvironment):
        write_comparison(tmp_path / "none" / "x.html", make_trackers(), title="Report", facts={}, failures=())
