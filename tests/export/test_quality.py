"""The stand-in for quality: of a file's own filters, with a deep part of both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cdedge_export.choose.quality import Judge, located, margin
from cdedge_export.recipes.deep_part import DeepOptions, add_deep_part, open_deep
from cdedge_runtime.model.deep_settings import DeepSettings
from tests.conftest import MovingSquare
from tests.export.onnx_nets import two_strides

LOOKS = np.zeros((2, 128, 128, 3), np.uint8)


@pytest.fixture
def judged(tiny_model: Path, moving_square: MovingSquare, tmp_path: Path) -> dict[float, Judge]:
    """Files with a deep part, by its share."""
    frames, found, network = [moving_square.frame(0), moving_square.frame(1)], {}, two_strides(tmp_path / "n.onnx")
    for share in (0.0, 0.7):
        path, settings = tmp_path / f"{share}.onnx", DeepSettings(share=share)
        add_deep_part(tiny_model, path, open_deep(DeepOptions(network, input_px=128, settings=settings)), LOOKS, LOOKS)
        found[share] = Judge(path, frames, moving_square.box(0))
    return found


def test_a_share_of_nothing_is_the_file_without(
    judged: dict[float, Judge], tiny_model: Path, moving_square: MovingSquare
) -> None:
    plain = Judge(tiny_model, [moving_square.frame(0), moving_square.frame(1)], moving_square.box(0))
    at = moving_square.box(1).center
    assert margin(judged[0.0], at) == pytest.approx(margin(plain, at), rel=1e-5)


def test_both_filters_answer_together_and_find_the_target(
    judged: dict[float, Judge], moving_square: MovingSquare
) -> None:
    at = moving_square.box(1).center
    np.testing.assert_allclose(located(judged[0.7], moving_square.box(0).center), at, atol=2)
    assert 0 < margin(judged[0.7], at) < margin(judged[0.0], at)  # a deep response is broad
