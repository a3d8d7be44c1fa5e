"""When an answer is followed, when it is weak, and when a target is lost and found."""

from __future__ import annotations

import numpy as np
import pytest

from cdedge_runtime.patch import Image
from cdedge_runtime.trackers.deepcd.settings import Settings
from cdedge_runtime.trackers.deepcd.watch import Belief, Watch

SURE, UNSURE, FLAT = Belief(0.95, 30.0), Belief(0.05, 30.0), Belief(0.95, 2.0)
FAIR, POOR = Belief(0.3, 30.0), Belief(0.22, 30.0)  # neither weak nor sure; weak, but not hopeless
INSIDE = 0.0  # the share of the box outside the frame


@pytest.fixture
def image() -> Image:
    return np.random.default_rng(1).integers(0, 255, (60, 60, 3), dtype=np.uint8)


@pytest.fixture
def watch(image: Image) -> Watch:
    return Watch(Settings(), "deepcd", image, (30, 30), (20, 20))


def test_steps_are_followed_and_so_is_a_leap_to_a_sure_place(watch: Watch) -> None:
    assert watch.follows((0.2, 0.1), UNSURE)
    assert watch.follows((2.0, 0.0), SURE)


def test_a_leap_to_an_unlikely_place_is_not_followed(watch: Watch) -> None:
    assert not watch.follows((0.7, 0.0), UNSURE)
    assert not watch.follows((0.0, -0.7), UNSURE)


def test_a_steady_motion_explains_long_steps(watch: Watch) -> None:
    for _ in range(12):
        assert watch.follows((0.8, 0.0), SURE)
    assert watch.follows((0.8, 0.0), UNSURE)
    assert not watch.follows((-0.2, 0.0), UNSURE)


@pytest.mark.parametrize("weak", [POOR, FLAT], ids=["unlikely", "flat response"])
def test_lost_after_several_weak_answers_in_a_row(watch: Watch, weak: Belief) -> None:
    several = Settings().patience
    lost = []
    for answer in [*[weak] * (several - 1), FAIR, *[weak] * several]:
        watch.judge(answer, INSIDE)
        lost.append(watch.lost)
    assert lost == [False] * (2 * several - 1) + [True]


@pytest.mark.parametrize(("outside", "lost"), [(0.0, False), (0.15, False), (0.17, True)])
def test_a_box_that_leaves_the_frame_has_to_be_surer(watch: Watch, outside: float, lost: bool) -> None:
    assert watch.judge(FAIR, outside)
    assert (watch.lost, watch.searching) == (lost, False)
    watch.judge(SURE, 0.6)
    assert not watch.lost


@pytest.mark.parametrize(("step", "score", "lost"), [(0.51, 0.59, True), (0.49, 0.59, False), (0.51, 0.61, False)])
def test_a_jump_to_a_place_that_is_not_sure_is_followed_but_said(
    watch: Watch, step: float, score: float, lost: bool
) -> None:
    answer = Belief(score, 30.0)
    assert watch.follows((0.0, step), answer)
    assert watch.judge(answer, INSIDE)
    assert (watch.lost, watch.searching) == (lost, False)
    watch.follows((0.0, 0.0), answer)
    watch.judge(answer, INSIDE)
    assert not watch.lost


def test_lost_after_long_without_a_likely_answer_though_none_is_weak(watch: Watch) -> None:
    strong, lost = [], []
    unlikely = Belief(0.49, 30.0)
    for answer in [*[unlikely] * 20, Belief(0.5, 30.0), *[unlikely] * 31, Belief(0.5, 30.0), unlikely]:
        strong.append(watch.judge(answer, INSIDE))
        lost.append(watch.lost)
    assert lost == [False] * 50 + [True] * 2 + [False] * 2
    assert all(strong)


def test_an_answer_that_is_hardly_possible_is_enough_to_be_lost_but_not_to_search(watch: Watch) -> None:
    for searching in (False, False, False, True):
        watch.judge(UNSURE, INSIDE)
        assert (watch.lost, watch.searching) == (True, searching)
    watch.judge(FAIR, INSIDE)
    assert (watch.lost, watch.searching) == (False, False)


def test_lost_until_an_answer_is_not_weak(watch: Watch) -> None:
    for answer, lost in ((UNSURE, True), (POOR, True), (FLAT, True), (FAIR, False), (POOR, False)):
        watch.judge(answer, INSIDE)
        assert watch.lost is lost


def test_where_colours_find_the_place_weak_answers_are_acted_on_but_said_only_at_a_low_score(image: Image) -> None:
    watch = Watch(Settings(colour_share=0.25), "deepcd", image, (30, 30), (20, 20))
    several = Settings().patience
    for answers, searching in ((several - 1, False), (1, True)):
        for _ in range(answers):
            assert not watch.judge(FLAT, INSIDE)
            assert (watch.lost, watch.searching) == (False, searching)
    for score, lost in ((0.21, False), (0.2, True), (0.21, False), (0.05, True)):
        watch.judge(Belief(score, 2.0), INSIDE)
        assert (watch.lost, watch.searching) == (lost, True)


def test_only_a_sure_answer_is_gone_after_to_another_place(watch: Watch) -> None:
    assert [watch.is_sure(answer) for answer in (SURE, FAIR, Belief(0.95, 10.0))] == [True, False, False]


def test_a_target_that_is_looked_for_may_be_anywhere(watch: Watch) -> None:
    for _ in range(4):
        watch.judge(UNSURE, INSIDE)
    assert watch.follows((5.0, 5.0), UNSURE)


def test_where_a_target_was_going_is_forgotten_while_it_is_looked_for(watch: Watch) -> None:
    for _ in range(12):
        watch.follows((0.8, 0.0), SURE)
    for _ in range(4):
        watch.judge(UNSURE, INSIDE)
    watch.follows((0.0, 0.0), UNSURE)
    watch.judge(SURE, INSIDE)
    assert not watch.follows((0.8, 0.0), UNSURE)


def test_a_target_that_is_found_again_has_not_jumped(watch: Watch) -> None:
    watch.follows((0.9, 0.0), UNSURE)
    for _ in range(4):
        watch.judge(UNSURE, INSIDE)
    watch.follows((5.0, 5.0), FAIR)
    watch.judge(FAIR, INSIDE)
    assert not watch.lost


def test_only_a_strong_answer_says_where_the_target_was_seen(watch: Watch) -> None:
    assert [watch.judge(answer, INSIDE) for answer in (SURE, FAIR, UNSURE, FLAT)] == [True, True, False, False]


def test_a_response_is_weak_by_its_own_mean_too(watch: Watch) -> None:
    for _ in range(200):
        watch.judge(Belief(0.95, 80.0), INSIDE)
    assert not watch.judge(Belief(0.95, 15.0), INSIDE)  # below a quarter of the mean, though above 9


@pytest.fixture
def beside_a_head(image: Image) -> Watch:
    return Watch(Settings(), "deepcd+head", image, (30, 30), (20, 20))


def test_beside_a_box_head_both_have_to_doubt(beside_a_head: Watch) -> None:
    watch = beside_a_head
    for answer in [POOR, FLAT] * 4:
        assert watch.follows((0.45, 0.0), answer)
        watch.judge(answer, INSIDE)
        assert not watch.lost
    assert not watch.follows((3.0, 0.0), Belief(0.2, 2.0))
    watch.follows((0.0, 0.0), FLAT)
    for lost in (False, False, False, True):
        assert not watch.judge(Belief(0.2, 2.0), INSIDE)
        assert (watch.lost, watch.searching) == (lost, lost)
    assert not watch.judge(Belief(0.35, 2.0), INSIDE)  # doubted still, but no longer weak
    assert (watch.lost, watch.searching) == (False, False)


def test_beside_a_box_head_an_answer_that_is_hardly_possible_is_said_and_stands(beside_a_head: Watch) -> None:
    for _ in range(6):
        assert beside_a_head.judge(UNSURE, INSIDE)
        assert (beside_a_head.lost, beside_a_head.searching) == (True, False)
    beside_a_head.judge(POOR, INSIDE)
    assert not beside_a_head.lost


@pytest.mark.parametrize(("score", "agreement", "lost"), [(0.69, 0.14, True), (0.71, 0.14, False), (0.69, 0.16, False)])
@pytest.mark.parametrize("kind", ["deepcd+head", "deepcd+deep"])
def test_another_opinion_that_sees_the_target_elsewhere_is_said_and_not_gone_by(
    image: Image, kind: str, score: float, agreement: float, lost: bool
) -> None:
    watch = Watch(Settings(), kind, image, (30, 30), (20, 20))
    for _ in range(6):
        assert watch.judge(Belief(score, 30.0, agreement), INSIDE)
        assert (watch.lost, watch.searching) == (lost, False)
    watch.judge(Belief(score, 30.0, 0.5), INSIDE)
    assert not watch.lost
