"""What a person is told: the wrong way round, a box as four words, what comes next, how long it took."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from cdedge.app import every_command
from cdedge.clock import begin_clock, since_begin_s
from cdedge.commands import export as exporting
from cdedge.show import progress, render
from cdedge.show.model_facts import weights_facts
from cdedge.spelling import refuse_loose_numbers
from cdedge_export.graph.compare import TapLoss
from cdedge_export.network.backbones import find_backbone
from cdedge_export.network.weights import download_bytes
from cdedge_runtime.errors import BadModel, Usage
from cdedge_runtime.model.contract import WeightsInfo
from cdedge_runtime.model.metadata import from_metadata, to_metadata
from tests.conftest import Done, make_spec
from tests.runtime.test_deep import PART

Run = Callable[..., Done]


@pytest.mark.parametrize("command", ["track", "bench", "report", "serve"])
def test_swapped_arguments_are_put_right(cdedge: Run, tiny_model: Path, tmp_path: Path, command: str) -> None:
    clip = tmp_path / "deer.mp4"
    clip.write_bytes(b"a video")
    done = cdedge(command, clip, tiny_model)
    assert done.returncode == 2
    assert f"expected the model first, then what it tracks in: {tiny_model} {clip}" in done.stderr


@pytest.mark.parametrize(
    ("words", "joined"),
    [
        (["305", "4", "95", "65"], "305,4,95,65"),
        (["305,", "4,", "95,", "65"], "305,4,95,65"),
        (["40%", "30%", "10%", "12.5%", "car.mp4"], "40%,30%,10%,12.5%"),
        (["305,4,95,65", "0"], None),
        (["1,2,3,4", "--target", "305", "4", "95", "65"], "--target 305,4,95,65"),
        (["305", "4", "95", "-o", "x.onnx"], None),
        ([], None),
    ],
)
@pytest.mark.parametrize("option", ["--box", "--target"])
def test_a_box_of_four_words_and_nothing_else_is_joined(words: list[str], joined: str | None, option: str) -> None:
    said = None
    try:
        refuse_loose_numbers(["cdedge", "track", option, *words])
    except Usage as error:
        said = str(error).rpartition("joined by commas: ")[2]
    assert said == (joined and (joined if "--" in joined else f"{option} {joined}"))


def test_it_is_so_from_the_command_line(cdedge: Run) -> None:
    done = cdedge("track", "car.onnx", "car.mp4", "--box", 305, 4, 95, 65, "--json")
    assert done.returncode == 2
    assert '"exit_code": 2' in done.stdout
    assert "--box 305,4,95,65" in done.stderr


def test_track_says_what_comes_next_as_it_can_be_typed(cdedge: Run, tiny_model: Path, square_folder: Path) -> None:
    done = cdedge("track", tiny_model, square_folder, "--box", "41,51,24,20")
    assert f"next: cdedge bench {tiny_model} {square_folder} --box 41,51,24,20\n" in done.stderr
    assert "next:" not in cdedge("track", tiny_model, square_folder, "--json").stderr


def nexts(done: Done) -> list[str]:
    return re.findall(r"^next: (cdedge .*)$", done.stderr, re.MULTILINE)


def test_each_command_ends_with_a_next_one_to_type(cdedge: Run, tiny_model: Path, square_folder: Path) -> None:
    where, box = (tiny_model, square_folder), ("--box", "41,51,24,20")
    told = f"{tiny_model} {square_folder} --box 41,51,24,20"
    asked: dict[tuple[object, ...], str] = {
        ("inspect", tiny_model): f"bench {tiny_model}",
        ("layers", "cdedge_deep"): "export --backbone cdedge_deep --layers conv1 -o target.onnx",
        ("warm", tiny_model, "--provider", "cpu"): f"bench {tiny_model} --provider cpu",
        ("devices",): "devices jetson-agx-orin",
        ("devices", "raspberry-pi-5"): "plan --device raspberry-pi-5 --max-memory 30MB -o best.onnx",
        ("bench", tiny_model, "--predict", "--frame", "640x480"): f"bench {tiny_model}",
        ("soak", *where, *box, "--frames", 20, "--threads", 1): f"soak {told} --frames 4000",
        ("select", square_folder, *box, "--png", square_folder / "ruled.png"): (
            f"export {square_folder} --box 41,51,24,20 --layers 11 -o target.onnx"
        ),
    }
    for command, following in asked.items():
        assert nexts(cdedge(*command)) == [f"cdedge {following}"], command
        words = following.split()
        assert every_command()[words[0]].make_context(words[0], words[1:]) is not None
        assert nexts(cdedge(*command, "--json")) == []


@pytest.mark.parametrize("name", [name for name, command in every_command().items() if not command.hidden])
def test_no_word_of_a_help_is_cut_at_80_columns(cdedge: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = cdedge(name, "--help").stdout
    assert max(map(len, shown.splitlines())) <= 80
    assert "\N{HORIZONTAL ELLIPSIS}" not in shown


def test_long_names_stand_above_what_they_say(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(render, "result", lambda: Console(width=40))
    render.show_facts("a title", [("a name of more than twenty letters", "seven words that need more than one line")])
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "a title",
        "a name of more than twenty letters",
        "  seven words that need more than one",
        "  line",
    ]


def test_took_counts_from_the_commands_begin() -> None:
    begin_clock()
    time.sleep(0.01)
    assert since_begin_s() >= 0.01


def test_only_a_long_wait_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(progress, "say", told.append)
    with progress.patiently("thinking"):
        pass
    monkeypatch.setattr(progress, "_PATIENCE_S", 0.0)
    with progress.patiently("waiting"):
        while not told:
            time.sleep(0.001)
    assert told == ["waiting .."]


def report_of(mode: str, *errors: float) -> Any:
    losses = tuple(TapLoss(str(i), error) for i, error in enumerate(errors))
    return SimpleNamespace(parity=SimpleNamespace(losses=losses), spec=SimpleNamespace(mode=mode))


def test_an_error_says_whether_to_worry() -> None:
    assert exporting._losses(report_of("exact", 1.7e-14)) == "none but rounding (0: 1.7e-14)"
    said = exporting._losses(report_of("chain", 1e-9, 0.89))
    assert re.match(r"0: 1e-09, 1: 0\.89; 0 is equal, 1 as unlike as no features", said)
    assert "--mode exact" in said


def test_a_download_is_known_before_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert 5e8 < download_bytes(find_backbone("vgg19")) < 6e8
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    (tmp_path / "hub" / "checkpoints" / "vgg19-dcbb9e9d.pth").touch()
    assert download_bytes(find_backbone("vgg19")) == 0


def test_each_network_has_its_weights_and_its_licence_on_lines_of_its_own() -> None:
    origin = WeightsInfo("net.onnx", "cd" * 32, "unknown: see the file's origin")
    part = replace(PART, weights=origin, weight_bytes=600)
    spec = make_spec(deep=part)
    assert weights_facts(spec) == [
        ("weights", "648 B together"),
        ("weights of the layers", "48 B from tiny"),
        ("  their licence", "Apache-2.0"),
        ("deep weights", "600 B from net.onnx"),
        ("  their licence", "unknown: see the file's origin"),
    ]
    older = make_spec(deep=replace(part, weight_bytes=None))
    assert [value for _, value in weights_facts(older)][1::2] == ["tiny", "net.onnx"]
    assert weights_facts(make_spec()) == [("weights", "648 B from tiny"), ("  their licence", "Apache-2.0")]


def test_a_contract_whose_deep_part_has_more_weights_than_the_file_is_damaged() -> None:
    data = to_metadata(make_spec(deep=replace(PART, weight_bytes=649)))
    with pytest.raises(BadModel, match="the deep part has more weights than the file"):
        from_metadata(data)
    assert from_metadata(to_metadata(make_spec(deep=replace(PART, weight_bytes=648)))).deep is not None


def test_each_step_is_a_line_wherever_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for watched in (False, True):
        told: list[str] = []
        text = io.StringIO()
        monkeypatch.setattr(progress, "say", told.append)
        monkeypatch.setattr(progress, "is_watched", lambda watched=watched: watched)
        monkeypatch.setattr(progress, "talk", lambda text=text: Console(file=text, force_terminal=True, width=80))
        with progress.steps() as step:
            step("first [1]")
            step("second")
            assert told == (["first [1]"] if watched else ["first [1]", "second"])
        assert told == ["first [1]", "second"]
        assert ("second" in text.getvalue()) is watched


def test_a_table_in_a_file_has_no_blanks_at_its_ends(cdedge: Run) -> None:
    lines = cdedge("devices").stdout.splitlines()
    assert [line for line in lines if line != line.rstrip()] == []


def test_a_boards_memory_is_as_it_is_sold(cdedge: Run) -> None:
    (row,) = [line for line in cdedge("devices").stdout.splitlines() if line.startswith("raspberry-pi-5 ")]
    assert row.split()[1:3] == ["2/4/8/16", "GiB"]
    assert "2 or 4 or 8 or 16 GiB" in " ".join(cdedge("devices", "raspberry-pi-5").stdout.split())


def test_a_picture_to_read_a_box_from_says_where_the_box_goes(cdedge: Run, square_folder: Path, tmp_path: Path) -> None:
    done = cdedge("select", square_folder, "--png", tmp_path / "ruled.png")
    assert f"then: cdedge export {square_folder} --box X,Y,W,H" in done.stderr


def test_a_model_is_no_source(cdedge: Run, tiny_model: Path) -> None:
    done = cdedge("export", tiny_model)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{tiny_model}: a model, expected what it looks at: a video, pictures or a camera" in done.stderr
