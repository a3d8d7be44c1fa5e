"""The worked example prints what the page says, and its filter is the one that cdedge trains."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cdedge_runtime.filter.compact import CompactFilter, channel_gain, label_for, prepared
from cdedge_runtime.filter.dft import Dft
from cdedge_runtime.filter.fourier import hann_sides
from tests.docs.blocks import blocks

PAGE = "docs/guides/another-language.md"


@pytest.fixture
def example(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The names that the page's code leaves, and what it prints as ``printed``."""
    names: dict[str, Any] = {}
    exec(compile(blocks(PAGE, "python")[0], PAGE, "exec"), names)  # noqa: S102 - the page's own code
    return {**names, "printed": capsys.readouterr().out}


def test_it_prints_what_the_page_says(example: dict[str, Any]) -> None:
    assert example["printed"] == blocks(PAGE, "text")[0]


def test_steps_and_filter_are_the_runtimes(example: dict[str, Any]) -> None:
    grid, support = (example["grid"],) * 2, (example["support"],) * 2
    maps = prepared(np.asarray(example["raw"], np.float32)[None], 0.5)
    transform = Dft(grid, window=hann_sides(grid))
    spectrum = transform.forward(maps * channel_gain(maps))
    np.testing.assert_allclose(Dft(grid).inverse(spectrum)[0], example["x"], atol=1e-5)
    label = label_for(grid, support, example["sigma"])
    np.testing.assert_allclose(label, example["y"], atol=1e-6)
    learned = CompactFilter(
        Dft(grid, support), Dft(grid).forward(label), ridge=example["ridge"], memory=1, first=spectrum, iterations=60
    )
    np.testing.assert_allclose(learned.weights[0].ravel(), example["h"], atol=1e-4)
    answer = learned.respond(Dft(grid).forward(np.asarray(example["moved"], np.float32)[None]), Dft(grid))
    np.testing.assert_allclose(answer, example["response"], atol=1e-4)
