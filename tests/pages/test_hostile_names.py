"""Names from outside on every page, opened in Chromium: shown as they are, and nothing of them runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest

from cdedge.pages.comparison import TrackerOnPage, write_comparison
from cdedge.pages.device import write_device_page
from cdedge.planning.budget import Budget, options_svg
from cdedge_runtime.errors import BadInput
from cdedge_runtime.model.contract import Selection, SourceInfo, Tap, WeightsInfo
from cdedge_runtime.sources.frames import Source
from tests.conftest import make_spec
from tests.planning.test_budget import ALL
from tests.serve.serving import SHAPE, Stub, serving

from .devices import make_bench, make_device, make_pictures, make_run
from .trackers import make_evaluation
from .webdriver import Browser

HOSTILE = (
    "<script>window.ran = 1</script>",
    "<img src=x onerror='window.ran = 1'>",
    '"><svg onload=window.ran=1>',
    "</title><script>window.ran = 1</script>",
    "</style><script>window.ran = 1</script>",
    "' onmouseover='window.ran=1' x='",
    "]]><script>window.ran = 1</script>",
    "javascript:window.ran=1//&lt;b&gt;",
)
Shown = Callable[[Path, str], AbstractContextManager[str]]
_FOREIGN = "return document.querySelectorAll('img[src=x], svg[onload], [onmouseover], a[href^=\"javascript:\"]').length"
_TEXT = "(document.body ? document.body.innerText : document.documentElement.textContent)"


@contextmanager
def comparison(folder: Path, name: str) -> Iterator[str]:
    path = folder / "page.html"
    trackers = [TrackerOnPage(make_evaluation(name, 0.5, names=(name, "Ant"))), TrackerOnPage(make_evaluation("b", 1))]
    write_comparison(path, trackers, title=name, facts={name: name}, failures=())
    yield path.as_uri()


@contextmanager
def report(folder: Path, name: str) -> Iterator[str]:
    """Whatever a model file, a source or a machine may be called."""
    tap = Tap(name, tuple(range(6)), 64)
    spec = make_spec(
        backbone=name,
        taps=(tap,),
        weights=WeightsInfo(name, name, name),
        selection=Selection(name, name, name, 0, 2.0, 1.0),
        source=SourceInfo(name, name, (10.0, 20.0, 30.0, 40.0)),
        producer=name,
    )
    pictures = make_pictures(name=name)
    pictures = replace(pictures, kept={name: pictures.kept["11"]}, whole={name: pictures.whole["11"]})
    run = replace(make_run(), source=name, provider=name, nodes={name: 8})
    bench = make_bench(run, run, throttling=(name,), cpu=name)
    shown = make_device(folder, name.replace("/", " "), bench, spec=spec, pictures=pictures, left_out=((name, name),))
    write_device_page(folder / "page.html", shown)
    yield (folder / "page.html").as_uri()


@contextmanager
def plan(folder: Path, name: str) -> Iterator[str]:
    options = [replace(each, candidate=replace(each.candidate, layers=name)) for each in ALL]
    (folder / "plot.svg").write_text(options_svg(name, options, options[:2], options[0], Budget(None, None)))
    yield (folder / "plot.svg").as_uri()


@contextmanager
def served(_folder: Path, name: str) -> Iterator[str]:
    source = Source(name, lambda: repeat(np.zeros(SHAPE, np.uint8), 100_000), count=None, fps=25.0)
    with serving(source, Stub(), model=name) as running:
        yield running.address


@contextmanager
def chosen(_folder: Path, name: str) -> Iterator[str]:
    """The page of ``cdedge select``, which has no model."""
    source = Source(name, lambda: repeat(np.zeros(SHAPE, np.uint8), 100_000), count=None, fps=25.0)
    with serving(source, Stub(), model=None) as running:
        yield running.address


@contextmanager
def failed(_folder: Path, name: str) -> Iterator[str]:
    """A source whose error names it."""

    def frames() -> Iterator[np.ndarray]:
        yield np.zeros(SHAPE, np.uint8)
        raise BadInput(f"{name}: cannot be read")

    with serving(Source(name, frames, count=None, fps=25.0), Stub()) as running:
        yield running.address


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("page", [comparison, report, plan, served, chosen, failed])
def test_a_hostile_name_is_shown_and_runs_nothing(browser: Browser, tmp_path: Path, page: Shown, name: str) -> None:
    with page(tmp_path, name) as address:
        browser.visit(address, width_px=1280)
        browser.wait(f"return {_TEXT}.includes({json.dumps(name)})")
        assert browser.run("return window.ran === undefined")
        assert browser.run(_FOREIGN) == 0
