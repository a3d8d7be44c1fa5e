"""What the device page shows of the tracking: which frames, which scores, where the target was lost."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from cdedge.pages.device import device_page
from cdedge.pages.plots import grouped
from cdedge.pages.tracking import lost_spans, shown_frames, tracking_parts, verdict
from cdedge_runtime.box import Box
from cdedge_runtime.estimate import Estimate

from .devices import make_device, make_tracking
from .reader import read


def _estimates(scores: list[float], lost: set[int] = frozenset()) -> tuple[Estimate, ...]:  # type: ignore[assignment]
    return tuple(Estimate(Box(0, 0, 8, 8), score, index in lost) for index, score in enumerate(scores))


def test_first_last_lowest_and_first_lost_frame_are_shown() -> None:
    scores = [math.inf] + [50.0] * 99
    scores[37] = 3.0
    shown = shown_frames(_estimates(scores, lost={61, 62}))
    assert len(shown) == 8
    assert {0, 37, 61, 99} <= set(shown)
    assert shown == sorted(shown)


@pytest.mark.parametrize("frames", [1, 2, 3, 8, 9])
def test_short_clips_show_what_there_is(frames: int) -> None:
    shown = shown_frames(_estimates([math.inf] + [9.0] * (frames - 1)))
    assert shown[0] == 0
    assert shown[-1] == frames - 1
    assert len(shown) == min(frames, 8)


def test_lost_frames_in_a_row_are_one_span() -> None:
    estimates = _estimates([9.0] * 10, lost={0, 3, 4, 5, 9})
    assert lost_spans(estimates) == [(0, 0), (3, 5), (9, 9)]
    assert verdict(estimates) == "lost in 5 of 10 frames: 1, 4 to 6, 10"
    assert verdict(_estimates([9.0] * 3)) == "never lost in 3 frames"


def test_each_lost_span_is_shaded_where_it_was() -> None:
    html = "".join(tracking_parts(make_tracking(40, lost=range(20, 26))))
    (span,) = re.findall(r'class="span" x="([\d.]+)" y="\d+" width="([\d.]+)"', html)
    left, width = (float(value) for value in span)
    assert left == pytest.approx(50 + 372 * 20.5 / 40, abs=0.1)
    assert width == pytest.approx(372 * 6 / 40, abs=0.1)
    assert "Shaded: lost." in html
    assert 'class="span"' not in "".join(tracking_parts(make_tracking(40, lost=range(0))))


def test_a_lost_frame_says_so_in_words() -> None:
    html = "".join(tracking_parts(make_tracking(40, lost=range(20, 26))))
    assert "frame 21 of 40: lost" in html
    assert '<b class="bad">lost</b>' in html


def test_a_clip_of_one_frame_has_a_picture_and_no_figure(tmp_path: Path) -> None:
    html = device_page(make_device(tmp_path, tracking=make_tracking(1)))
    assert read(html).wrong == []
    assert html.count("<image ") == 1
    assert "Score over the frames" not in html


def test_the_tracking_comes_before_memory_and_channels_and_channels_are_folded(tmp_path: Path) -> None:
    html = device_page(make_device(tmp_path))
    order = [html.index(f'id="{name}"') for name in ("tracking", "memory", "time-per-stage", "channels")]
    assert order == sorted(order)
    folded = re.search(r"<details><summary>.*?</details>", html, re.DOTALL)
    assert folded is not None
    assert html.count('alt="channel ') == folded[0].count('alt="channel ') > 0


def test_long_series_keep_every_value_in_one_group() -> None:
    at, parts = grouped(list(range(1003)), first=1)
    assert sum(map(len, parts)) == 1003
    assert len(at) == len(parts) <= 400
    assert at == sorted(at)
