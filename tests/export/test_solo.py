"""Solo margins on channels whose worth is known by construction, and the solver against the device's own."""

from __future__ import annotations

import numpy as np
import pytest

from cdedge_export.choose.judge import joint_margin, scene
from cdedge_runtime.filter import compact
from cdedge_runtime.filter.channels import margins, solo_margins
from cdedge_runtime.filter.fourier import hann_window
from cdedge_runtime.trackers.deepcd.settings import Settings

GRID, TARGET = (32, 30), (8.0, 6.0)
STABLE, CHANGED, FLAT = range(3)


def prepared() -> np.ndarray:
    """(2, 3, 32, 30): a channel that stays, one that is new in frame 2, one that is always 5."""
    rng = np.random.default_rng(0)
    first = np.abs(rng.standard_normal((3, *GRID)))
    second = first + 0.05 * np.abs(rng.standard_normal(first.shape))
    second[CHANGED] = np.abs(rng.standard_normal(GRID))
    first[FLAT] = second[FLAT] = 5.0
    return compact.prepared(np.stack([first, second]).astype(np.float32), 0.5)


def test_a_stable_channel_beats_a_changed_one_and_a_flat_one_is_last() -> None:
    scores = solo_margins(prepared(), scene(GRID, TARGET, Settings()))
    assert scores[STABLE] > 3
    assert scores[STABLE] > scores[CHANGED] + 2
    assert scores.argmin() == FLAT
    assert np.isfinite(scores).all()


def test_a_distractor_in_frame_2_lowers_the_margin() -> None:
    maps = prepared()[:, :1]
    where = scene(GRID, TARGET, Settings())
    crowded = maps.copy()
    crowded[1, 0] = np.maximum(maps[1, 0], np.roll(maps[1, 0], 10, axis=0))
    assert solo_margins(crowded, where)[0] < solo_margins(maps, where)[0] - 1


def test_a_channel_alone_is_the_joint_filter_of_one_channel() -> None:
    settings = Settings(first_iterations=15)  # as many as a channel alone gets
    maps = prepared()
    where = scene(GRID, TARGET, settings)
    assert solo_margins(maps, where)[STABLE] == pytest.approx(joint_margin(maps[:, [STABLE]], where), rel=1e-3)


def test_loudness_does_not_matter() -> None:
    maps, where = prepared(), scene(GRID, TARGET, Settings())
    louder = maps * np.array([7, 1, 1], np.float32)[:, None, None]
    assert solo_margins(louder, where)[STABLE] == pytest.approx(solo_margins(maps, where)[STABLE], rel=1e-3)


def test_the_middle_of_the_window_is_at_distance_0() -> None:
    """A filter for the target's place answers the same window exactly there."""
    maps, where = prepared()[:, :1], scene(GRID, TARGET, Settings())
    first = where.window.forward(maps[0] * (compact.channel_gain(maps[0]) * hann_window(GRID)))
    learned = where.problem.trained(first, memory=1)
    response = learned.respond(first, where.window)
    assert where.distance.flat[response.argmax()] == where.distance.min() <= 0.11


def test_the_margin_by_hand() -> None:
    distance = np.array([[0.0, 0.1, 0.3, 0.5, 0.9]], np.float32)
    response = np.array([[[0.5, 3.0, 9.0, 1.0, 2.0]]], np.float32)  # 9 lies between: neither target nor distractor
    assert margins(response, distance)[0] == pytest.approx((3.0 - 2.0) / response.std())


def test_a_flat_response_has_no_margin() -> None:
    assert margins(np.ones((1, 1, 3), np.float32), np.array([[0.0, 0.5, 0.9]], np.float32))[0] == 0


@pytest.mark.parametrize("cells", [(0.3, 0.4), (1.0, 1.0), (40.0, 40.0)])
def test_targets_of_less_than_a_cell_or_more_than_the_grid_have_margins(cells: tuple[float, float]) -> None:
    where = scene((8, 8), cells, Settings())
    assert np.isfinite(margins(np.random.default_rng(0).random((2, 8, 8)), where.distance)).all()
