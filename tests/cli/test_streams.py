"""Whatever standard output is, and whatever ends a command: one line, the right exit code, no traceback."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Done

Run = Callable[..., Done]


def run(words: list[str], shell: str, before: str = "exec ", **environment: str) -> subprocess.CompletedProcess[str]:
    """The command with its streams redirected by a shell."""
    line = f'{before}"$0" -m cdedge "$@" {shell}'
    command = ["sh", "-c", line, sys.executable, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})


@pytest.mark.parametrize("words", [["devices"], ["devices", "--json"], ["--version"], ["devices", "-h"]])
@pytest.mark.parametrize(("shell", "text"), [(">&-", "is closed"), (">/dev/full", "No space left")])
def test_standard_output_that_takes_nothing(words: list[str], shell: str, text: str) -> None:
    done = run(words, shell)
    assert done.returncode == 3
    assert done.stderr.startswith("cdedge: standard output")
    assert text in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_error_that_standard_output_does_not_take_is_told_all_the_same() -> None:
    done = run(["inspect", "none.onnx", "--json"], ">/dev/full")
    assert done.returncode == 1
    assert done.stderr.startswith("cdedge: none.onnx: cannot be read")
    assert len(done.stderr.splitlines()) == 1


def test_a_folder_that_is_gone_is_named(tiny_model: Path, square_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    words = ["track", str(tiny_model), str(square_folder), "-o", "boxes.txt"]
    done = run(words, "", before=f"cd '{tmp_path}/gone'; rmdir '{tmp_path}/gone'; ")
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "the folder that this was started in is gone" in done.stderr


@pytest.mark.parametrize("option", ["-o", "--jsonl"])
def test_lines_that_standard_output_does_not_take(tiny_model: Path, square_folder: Path, option: str) -> None:
    done = run(["track", str(tiny_model), str(square_folder), option, "-"], ">/dev/full")
    said = "standard output: cannot be written: No space left on device; the lines before frame 0 are kept"
    assert (done.returncode, done.stderr.splitlines()[-1]) == (3, f"cdedge: {said}")
    assert "Exception ignored" not in done.stderr


def test_what_a_library_prints_is_not_on_standard_output() -> None:
    code = "import atexit, os; atexit.register(os.write, 1, b'noise\\n'); from cdedge.__main__ import main; main()"
    command = [sys.executable, "-c", code, "devices", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["schema"] == "cdedge.devices/1"
    assert done.stderr == "noise\n"


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1"])
def test_standard_output_can_be_written_to_by_its_name(tiny_model: Path, square_folder: Path, name: str) -> None:
    done = run(["track", str(tiny_model), str(square_folder), "-o", name], "| cat")
    boxes = [line for line in done.stdout.splitlines() if re.fullmatch(r"(-?[\d.]+,){3}[\d.]+", line)]
    assert len(boxes) == 12


def test_standard_error_that_is_closed() -> None:
    done = run(["devices", "none"], "2>&-")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


@pytest.mark.parametrize("words", [["devices"], ["--version"], ["devices", "-h"]])
def test_a_reader_that_has_gone_is_no_failure(words: list[str]) -> None:
    end, start = os.pipe()
    os.close(end)
    command = [sys.executable, "-m", "cdedge", *words]
    with open(start, "w") as pipe:  # noqa: PTH123 - a descriptor
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)


@pytest.mark.parametrize("shell", ["2>/dev/full", "2>&1 >&3 3>&- | true"])
def test_work_goes_on_where_its_talk_cannot_be_written(
    tiny_model: Path, square_folder: Path, tmp_path: Path, shell: str
) -> None:
    out = tmp_path / "boxes.txt"
    done = run(["track", str(tiny_model), str(square_folder), "-o", str(out)], shell, before="exec 3>&1; ")
    assert (done.returncode, "frames" in done.stdout) == (0, True)
    assert len(out.read_text().splitlines()) == 12


def test_a_reader_that_goes_away() -> None:
    assert run(["devices", "--json"], "| true").stderr == ""


@pytest.mark.parametrize("json_", [(), ("--json",)])
def test_a_name_that_the_terminal_cannot_show(tmp_path: Path, json_: tuple[str, ...]) -> None:
    name = tmp_path / "größe\udcff.onnx"
    done = run(["inspect", str(name), *json_], "", LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
    assert done.returncode == 1
    assert done.stderr.startswith("cdedge: ")
    assert "\\udcc3\\udcb6" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "code", "kind"),
    [
        (("inspect", "none.onnx"), 1, "BadModel"),
        (("devices", "jetson-nani"), 2, "Usage"),
        (("track",), 2, "Usage"),
        (("fly",), 2, "Usage"),
        (("track", "none.onnx", "-o", "no/such/x.txt"), 3, "BadEnvironment"),
    ],
)
def test_an_error_is_an_answer_too(cdedge: Run, tmp_path: Path, words: tuple[str, ...], code: int, kind: str) -> None:
    done = cdedge(*words, "--json", cwd=tmp_path)
    answer = json.loads(done.stdout)
    assert done.returncode == code
    assert set(answer) == {"schema", "error", "text", "field", "exit_code"}
    assert (answer["schema"], answer["error"], answer["exit_code"]) == ("cdedge.error/1", kind, code)
    assert answer["text"] in done.stderr.replace("\n", " ")


def test_a_result_that_came_before_the_error_is_the_only_answer(
    cdedge: Run, tiny_model: Path, square_folder: Path
) -> None:
    (square_folder / "img" / "0006.png").write_bytes(b"broken")
    done = cdedge("track", tiny_model, square_folder, "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 1
    assert (answer["schema"], answer["frames"], len(answer["boxes"])) == ("cdedge.track/1", 5, 5)
    assert "0006.png" in answer["error"]


def test_commands_load_no_more_than_they_need() -> None:
    heavy = ("numpy", "cv2", "onnxruntime", "torch", "rich", "distributed")
    code = "import sys\nfrom cdedge.__main__ import main\nsys.argv = ['cdedge', '--version']\n"
    code += f"try:\n    main()\nfinally:\n    print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    version, loaded = done.stdout.splitlines()
    assert version.startswith("cdedge ")
    assert loaded == "[]"
