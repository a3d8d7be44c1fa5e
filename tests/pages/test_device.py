"""The device page as text: whole, closed, escaped, and its parts add up."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from cdedge.pages.channels import map_uri, ranges
from cdedge.pages.device import device_page, write_device_page
from cdedge.pages.latency import latency_figures, latency_text
from cdedge.pages.memory import Stack, measured_stack, memory_figures, predicted_stack
from cdedge_runtime.measure.predict import Prediction
from cdedge_runtime.model.contract import Tap
from tests.conftest import make_spec
from tests.runtime.test_deep import PART

from .devices import MEMORY, make_bench, make_device, make_pictures, make_run
from .reader import read


def test_the_page_is_well_formed_and_asks_for_nothing(tmp_path: Path) -> None:
    html = device_page(make_device(tmp_path))
    reader = read(html)
    assert (reader.open, reader.wrong) == ([], [])
    assert all(reference.startswith("data:") for reference in reader.references)
    assert not re.search(r"https?:|//[a-z]+\.|@import|url\(", html)
    assert len(reader.ids) == len(set(reader.ids))


def test_all_text_is_escaped(tmp_path: Path) -> None:
    evil = "<script>alert('&\"')<i>"
    spec = make_spec(tracker=evil, producer=evil, taps=(Tap(evil, (0,), 1),))
    pictures = replace(make_pictures(1, evil), kept={evil: np.ones((1, 4, 4), np.float32)}, whole=None)
    html = device_page(make_device(tmp_path, bench=make_bench(cpu=evil), spec=spec, pictures=pictures))
    assert html.count("<script>") == 1
    assert evil in "".join(read(html).text)


def test_a_deep_network_stands_beside_the_layers(tmp_path: Path) -> None:
    html = device_page(make_device(tmp_path, spec=make_spec(deep=PART)))
    text = " ".join(read(html).text)
    assert "deep blurred" in text
    assert "3 of 3 of toy" in text
    assert "toy layers blurred, 3 channels on 16x16 cells, fp32" in text
    assert "deep blurred" not in device_page(make_device(tmp_path))


def test_the_parts_add_up_to_what_was_measured() -> None:
    stack = measured_stack(MEMORY)
    assert stack is not None
    assert stack.total == MEMORY.peak_bytes
    assert (stack.parts["library code"], stack.parts["rest"]) == (5_000_000, 3_000_000)


def test_shapes_larger_than_what_was_measured_leave_no_negative_rest() -> None:
    stack = measured_stack(replace(MEMORY, tracker_bytes=1_000_000))
    assert stack is not None
    assert (stack.parts["library code"], stack.parts["rest"]) == (0, 0)


def test_what_is_predicted_stands_beside_it(tmp_path: Path) -> None:
    found = Prediction(*range(1_000_000, 11_000_000, 1_000_000))
    stack = predicted_stack(found)
    assert stack.total - stack.parts["libraries"] == found.over_floor_bytes
    html = device_page(make_device(tmp_path, predicted=stack))
    assert '<button type="button">Predicted</button>' in html
    for name in stack.parts:
        assert f"<span>{name}</span>" in html


def test_bars_share_one_scale_and_the_libraries_stand_apart() -> None:
    stacks = [Stack("measured", {"libraries": 60, "rest": 40}), Stack("predicted", {"libraries": 60, "rest": 20})]
    whole, over = memory_figures(stacks).split("Over the libraries")
    assert [float(w) for w in re.findall(r"width:([\d.]+)%", whole)] == [60, 40, 60, 20]
    assert [float(w) for w in re.findall(r"width:([\d.]+)%", over)] == [100, 50]


def test_unreadable_memory_is_said_and_not_drawn(tmp_path: Path) -> None:
    blind = replace(MEMORY, floor_bytes=None, source_bytes=None, peak_bytes=None, tracker_bytes=None)
    html = device_page(make_device(tmp_path, bench=make_bench(make_run(memory=blind))))
    assert "no memory was measured" in html
    assert 'id="memory"' not in html


def test_warnings_say_what_makes_figures_doubtful(tmp_path: Path) -> None:
    assert 'class="warning"' not in device_page(make_device(tmp_path))
    once = device_page(make_device(tmp_path, bench=make_bench(make_run(), throttling=("cpu-0 is active",))))
    assert "Measured once" in once
    assert "The clock was held down: cpu-0 is active." in once


def test_what_is_left_out_is_said_with_its_reason(tmp_path: Path) -> None:
    html = device_page(make_device(tmp_path, pictures=None, left_out=(("pictures of channels", "no torch"),)))
    assert "Left out: pictures of channels. no torch" in html
    assert "<img" not in html


def test_kept_and_pruned_channels_are_all_drawn(tmp_path: Path) -> None:
    kept, pruned = device_page(make_device(tmp_path)).split("pruned, ")
    assert re.findall(r'alt="channel (\d+)"', kept) == [str(c) for c in range(6)]
    assert re.findall(r'alt="channel (\d+)"', pruned) == [str(c) for c in range(6, 64)]


def test_without_the_full_network_the_kept_channels_are_drawn(tmp_path: Path) -> None:
    html = device_page(make_device(tmp_path, pictures=replace(make_pictures(), whole=None)))
    assert re.findall(r'alt="channel (\d+)"', html) == [str(c) for c in range(6)]
    assert "pruned, " not in html


def test_of_very_many_pruned_channels_some_are_drawn(tmp_path: Path) -> None:
    spec = make_spec(taps=(Tap("11", (0, 1), 200),))
    html = device_page(make_device(tmp_path, spec=spec, pictures=make_pictures(200, kept=2)))
    shown = re.findall(r'alt="channel (\d+)"', html)
    assert f"pruned, 198, {len(shown) - 2} of them shown" in html
    assert 30 < len(shown) <= 66
    assert int(shown[-1]) > 190


def test_a_map_runs_from_dark_at_zero_to_bright() -> None:
    values = np.array([[-1, 0], [2, 9]], np.float32)
    data = base64.b64decode(map_uri(values, 2.0).partition(",")[2])
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).astype(int)
    assert (picture[0, 0] == picture[0, 1]).all()
    assert (picture[1, 0] == picture[1, 1]).all()
    assert picture[1, 0].sum() > picture[0, 0].sum()


def test_a_dead_layer_can_be_drawn(tmp_path: Path) -> None:
    dead = replace(make_pictures(), kept={"11": np.zeros((6, 8, 8), np.float32)}, whole=None)
    assert read(device_page(make_device(tmp_path, pictures=dead))).wrong == []


@pytest.mark.parametrize(
    ("numbers", "text"), [((), ""), ((3,), "3"), ((0, 1, 2, 5, 7, 8), "0-2 5 7-8"), ((1, 2), "1-2")]
)
def test_runs_of_channels_are_drawn_together(numbers: tuple[int, ...], text: str) -> None:
    assert ranges(numbers) == text


def test_the_histogram_holds_every_frame_or_says_how_many_it_does_not() -> None:
    run = make_run((1000,) * 500 + (1100,) * 499 + (90_000,))
    html = latency_figures(make_bench(run))
    assert "1 of 1,000 frames are slower than drawn, the slowest 90.00 ms" in html
    assert "slower than drawn" not in latency_figures(make_bench(make_run((1000,) * 20)))


def test_long_runs_show_median_and_slowest_of_few_points() -> None:
    run = make_run((1000,) * 4000 + (5000,))
    _, timeline = latency_figures(make_bench(run)).split("Over the frames")
    lines = re.findall(r'points="([^"]+)"', timeline)
    assert len(lines) == 2
    assert all(len(line.split()) <= 400 for line in lines)
    assert "slowest of every 11 frames" in timeline


def test_the_timeline_is_the_median_runs() -> None:
    runs = [make_run(fps=fps) for fps in (300.0, 100.0, 200.0)]
    assert "Run 3 of 3, the median one" in latency_figures(make_bench(*runs))


def test_runs_of_one_frame_have_no_latency(tmp_path: Path) -> None:
    bench = make_bench(make_run(()))
    assert (latency_figures(bench), latency_text(bench)) == ("", "")
    assert read(device_page(make_device(tmp_path, bench=bench))).wrong == []


def test_the_file_is_written_whole(tmp_path: Path) -> None:
    shown = make_device(tmp_path)
    write_device_page(tmp_path / "page.html", shown)
    assert (tmp_path / "page.html").read_text(encoding="utf-8").endswith("</html>\n")
