"""How large a picture a browser gets, and who is counted."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdedge.serve.viewers import LEVELS, Fit, Level, Pictures, Viewer, Viewers, encoded

SLOW_S, QUICK_S = 0.5, 0.01


def test_a_slow_browser_gets_smaller_pictures_at_once_down_to_the_smallest() -> None:
    fit = Fit()
    for _ in LEVELS:
        lower = fit.after(SLOW_S)
        assert lower.level == max(fit.level - 1, 0)
        fit = lower
    assert fit.level_for(4000) == LEVELS[0]


def test_a_quick_browser_gets_larger_ones_after_a_while_and_no_larger_than_it_shows() -> None:
    fit = Fit()
    for _ in range(1000):
        fit = fit.after(QUICK_S)
    assert fit.level_for(4000) == LEVELS[-1]
    assert fit.level_for(390).side_px == 480


def test_between_two_levels_it_tries_ever_more_seldom() -> None:
    fit, tries = Fit(), []
    for _ in range(2000):
        higher = fit.level
        fit = fit.after(QUICK_S)
        if fit.level > higher:
            tries.append(_)
            fit = fit.after(SLOW_S)
    gaps = np.diff(tries)
    assert (gaps[1:] >= gaps[:-1]).all()
    assert gaps[-1] > 10 * gaps[0]


@given(st.lists(st.floats(0, 20)))
def test_any_pace_leaves_a_level(paces: list[float]) -> None:
    fit = Fit()
    for pace in paces:
        fit = fit.after(pace)
    assert fit.level_for(640) in LEVELS


def test_pictures_follow_each_other_no_faster_than_a_screen_and_time_away_is_not_judged() -> None:
    viewer = Viewer(0.0)
    assert viewer.asks(5.0) == 0
    viewer.sent_s = 5.0
    assert viewer.asks(5.01) == pytest.approx(1 / 30 - 0.01)
    viewer.sent_s = 6.0
    before = viewer.fit
    assert viewer.asks(600.0) == 0
    assert viewer.fit == before


def test_who_says_nothing_any_more_is_gone_and_holds_nothing() -> None:
    now = [0.0]
    viewers = Viewers(clock=lambda: now[0])
    viewers.meet("a").holds = True
    now[0] = 8.0
    viewers.meet("b")
    assert (viewers.count(), viewers.holding()) == (2, True)
    now[0] = 11.0
    assert (viewers.count(), viewers.holding()) == (1, False)
    viewers.leave("b")
    viewers.leave("never seen")
    assert viewers.count() == 0


@pytest.mark.parametrize(("shape", "size"), [((480, 640, 3), (480, 640)), ((2000, 1000, 3), (1280, 640))])
def test_a_picture_is_shrunk_never_enlarged(shape: tuple[int, int, int], size: tuple[int, int]) -> None:
    jpeg = encoded(np.full(shape, 90, np.uint8), Level(1280, 80))
    assert cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).shape[:2] == size


def test_a_frame_is_encoded_once_for_all_who_take_the_same() -> None:
    pictures, frame = Pictures(), np.zeros((40, 60, 3), np.uint8)
    assert pictures.jpeg(frame, LEVELS[0]) is pictures.jpeg(frame, LEVELS[0])
    assert pictures.jpeg(frame, LEVELS[0]) is not pictures.jpeg(frame, LEVELS[5])
    first = pictures.jpeg(frame, LEVELS[0])
    assert pictures.jpeg(frame.copy(), LEVELS[0]) is not first
