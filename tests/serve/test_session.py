"""The loop: what it plays, what it follows, what it does on request."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from cdedge.serve import session as sessions
from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput
from cdedge_runtime.sources.frames import Frame, Source
from cdedge_runtime.sources.stream import Link

from .serving import SHAPE, Stub, numbered, serving

BOX = Box(10, 10, 20, 20)


def test_a_recording_waits_for_its_target_and_is_followed_to_its_end() -> None:
    targets = Stub()
    with serving(numbered(12), targets) as running:
        first = running.until(lambda s: s.status == "waiting")
        assert (first.frame, first.targets) == (0, ())
        assert running.session.select(BOX, running.session.board.shown(), None) == 1
        last = running.until(lambda s: s.status == "ended")
        assert last.frame == 11
        assert last.targets[0].box == (21, 10, 20, 20)
        assert targets.started == [(1, 0)]


def test_opened_again_each_target_begins_on_the_frame_it_was_drawn_on() -> None:
    targets = Stub()
    with serving(numbered(12), targets) as running:
        running.until(lambda s: s.status == "waiting")
        running.session.select(BOX, running.session.board.shown(), None)
        running.until(lambda s: s.status == "ended")
        assert running.session.select(BOX, running.session.board.shown(), None) == 2
        running.session.again()
        running.until(lambda s: s.status == "running" and s.frame < 11)
        assert [t.id for t in running.until(lambda s: s.status == "ended").targets] == [1, 2]
        assert targets.started == [(1, 0), (2, 11), (1, 0), (2, 11)]


def test_in_a_loop_it_goes_on_and_on() -> None:
    targets = Stub()
    with serving(numbered(5), targets, loop=True, first=lambda _: BOX) as running:
        for _ in range(3):
            running.until(lambda s: s.frame == 4)
            running.until(lambda s: s.frame == 1)
        assert targets.started[:3] == [(1, 0)] * 3


def test_start_over_forgets_the_targets_and_waits_at_the_first_frame() -> None:
    targets = Stub()
    with serving(numbered(2000), targets, first=lambda _: BOX) as running:
        running.until(lambda s: s.frame > 3)
        running.session.reset()
        assert running.until(lambda s: s.status == "waiting" and s.frame == 0).targets == ()
        assert targets.boxes == {}
        assert running.session.select(BOX, running.session.board.shown(), None) == 1


def test_paused_it_stands_still_and_goes_on() -> None:
    with serving(numbered(2000), Stub(), first=lambda _: BOX) as running:
        running.until(lambda s: s.frame > 3)
        running.session.pause(True)
        stood = running.until(lambda s: s.status == "paused")
        assert running.until(lambda s: s.view > stood.view).frame == stood.frame  # its figures are told all the same
        running.session.pause(False)
        running.until(lambda s: s.frame > stood.frame)


def test_a_box_being_drawn_holds_a_recording_until_its_viewer_is_gone() -> None:
    with serving(numbered(2000), Stub(), first=lambda _: BOX) as running:
        running.until(lambda s: s.frame > 3)
        running.viewers.meet("a").holds = True
        seen: list[int] = []
        held = running.until(lambda s: s.frame in seen or seen.append(s.frame))  # shown again: it stands
        assert running.until(lambda s: s.view > held.view).frame == held.frame
        running.viewers.leave("a")
        running.session.nudge()
        running.until(lambda s: s.frame > held.frame)


def test_a_target_is_drawn_again_under_its_number_and_removed() -> None:
    targets = Stub()
    with serving(numbered(3000), targets, first=lambda _: BOX) as running:
        view = running.session.board.newer_than(0, 10)
        assert view is not None
        session = running.session
        assert session.select(Box(5, 5, 8, 8), view, None) == 2
        assert session.select(Box(40, 5, 8, 8), view, 1) == 1
        session.remove(2)
        assert [t.id for t in running.until(lambda s: s.frame > view.state.frame + 2).targets] == [1]
        with pytest.raises(BadInput, match="no target 2"):
            session.select(BOX, view, 2)
        with pytest.raises(BadInput, match="no target 2"):
            session.remove(2)
        with pytest.raises(BadInput, match="at least 1 px"):
            session.select(Box(5, 5, 0, 0), view, None)
        assert session.select(BOX, view, None) == 3  # a number is never given twice


def test_so_many_targets_and_no_more() -> None:
    with serving(numbered(1), Stub()) as running:
        running.until(lambda s: s.status == "waiting")
        view = running.session.board.shown()
        for _ in range(sessions.MOST_TARGETS):
            running.session.select(BOX, view, None)
        with pytest.raises(BadInput, match="remove one first"):
            running.session.select(BOX, view, None)


def test_a_source_that_breaks_is_said_and_can_be_opened_again() -> None:
    plays = iter((True, False))

    def frames() -> Iterator[Frame]:
        broken = next(plays)
        yield np.zeros(SHAPE, np.uint8)
        yield np.zeros(SHAPE, np.uint8)
        if broken:
            raise BadInput("unplugged")

    with serving(Source("camera", frames, live=True), Stub()) as running:
        state = running.until(lambda s: s.status == "failed")
        assert state.error == "unplugged"
        with pytest.raises(BadInput, match="has ended"):
            running.session.pause(False)
        running.session.again()
        assert running.until(lambda s: s.status == "ended").error is None


def test_a_source_without_a_first_frame_ends_it() -> None:
    def frames() -> Iterator[Frame]:
        raise BadInput("nothing there")
        yield

    with pytest.raises(BadInput, match="nothing there"), serving(Source("camera", frames, live=True), Stub()):
        pass


def one_by_one(more: threading.Event, silent: threading.Event | None = None) -> Iterator[Frame]:
    yield np.zeros(SHAPE, np.uint8)
    if silent is not None:
        silent.set()
    more.wait(20)
    yield np.ones(SHAPE, np.uint8)


def test_while_a_camera_is_silent_requests_are_done_and_its_loss_is_told() -> None:
    more, link = threading.Event(), Link("running")
    source = Source("camera", lambda: one_by_one(more), live=True, link=link)
    with serving(source, Stub()) as running:
        try:
            running.until(lambda s: s.frame == 0)
            link.state = "lost"
            assert running.until(lambda s: s.link == "lost").fps is None
            assert running.session.select(BOX, running.session.board.shown(), None) == 1
            running.session.pause(True)
            running.session.pause(False)
        finally:
            more.set()
        assert running.until(lambda s: s.status == "ended").targets[0].box == (11, 10, 20, 20)


def test_what_cannot_be_done_in_time_is_refused_and_not_done_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_ANSWER_S", 0.2)
    more, silent, targets = threading.Event(), threading.Event(), Stub()
    with serving(Source("pipe", lambda: one_by_one(more, silent), live=True, waits=True), targets) as running:
        try:
            running.until(lambda s: s.status == "waiting")
            view = running.session.board.shown()
            running.session.pause(False)  # on to a frame that does not come
            assert silent.wait(20)
            with pytest.raises(BadInput, match="pipe gives no frames"):
                running.session.select(BOX, view, None)
            done = len(targets.started)
        finally:
            more.set()
        running.until(lambda s: s.status == "ended")
        assert len(targets.started) == done


def test_a_pipe_waits_and_cannot_go_back() -> None:
    source = dataclasses.replace(numbered(3000), live=True, waits=True)
    with serving(source, Stub()) as running:
        assert running.until(lambda s: s.status == "waiting").frame == 0
        running.session.select(BOX, running.session.board.shown(), None)
        running.until(lambda s: s.frame > 5)
        running.session.reset()
        state = running.session.board.shown().state
        assert (state.status, state.targets, state.frame > 5) == ("waiting", (), True)


def test_without_a_model_a_recording_stays_at_its_first_frame() -> None:
    with serving(numbered(50), Stub(), model=None) as running:
        running.until(lambda s: s.status == "waiting")
        running.session.select(BOX, running.session.board.shown(), None)
        running.session.select(Box(1, 1, 30, 30), running.session.board.shown(), 1)
        state = running.session.board.shown().state
        assert (state.frame, state.status, state.targets[0].box) == (0, "waiting", (1, 1, 30, 30))


def test_the_first_score_is_none_and_figures_are_there() -> None:
    with serving(dataclasses.replace(numbered(40), fps=500.0), Stub(), first=lambda _: BOX) as running:
        assert running.until(lambda s: bool(s.targets)).targets[0].score in (None, 9.5)
        state = running.until(lambda s: s.status == "ended")
        assert state.targets[0].score == 9.5
        assert state.latency_ms is not None
        assert state.skipped_frames == 0
