"""Nothing that is read is written over, and what cannot be written is told before any work."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cdedge.outputs import STDOUT, check_folder, check_outputs, refuse_within
from cdedge_runtime.errors import BadEnvironment, CdedgeError, Usage
from tests.conftest import Done

Run = Callable[..., Done]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a video, and other names of it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.mp4").write_bytes(b"video")
    (tmp_path / "link").symlink_to("c.mp4")
    os.link("c.mp4", "hard")
    (tmp_path / "folder").mkdir()
    (tmp_path / "through").symlink_to(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["c.mp4", "./c.mp4", "folder/../c.mp4", "link", "hard", "through/c.mp4"])
@pytest.mark.parametrize("given", ["c.mp4", "file://{}/c.mp4"])
def test_an_input_under_any_name_is_no_output(place: Path, name: str, given: str) -> None:
    with pytest.raises(Usage, match="which is read"):
        check_outputs({"-o": Path(name)}, [None, "0", "rtsp://cam/1", given.format(place)])
    assert (place / "c.mp4").read_bytes() == b"video"


def test_the_frames_of_a_folder_are_no_output(square_folder: Path, tmp_path: Path) -> None:
    for name in ("img/0001.png", "groundtruth_rect.txt"):
        for source in (square_folder, square_folder / "groundtruth_rect.txt"):
            with pytest.raises(Usage, match="which is read"):
                check_outputs({"--preview": square_folder / name}, [source])
    check_outputs({"-o": square_folder / "boxes.txt"}, [square_folder])
    check_outputs({"-o": tmp_path / "boxes.txt"}, [square_folder])


@pytest.mark.parametrize("other", ["a", "./a", "folder/../a", "through/a"])
def test_two_outputs_are_two_files(place: Path, other: str) -> None:
    with pytest.raises(Usage, match="would both write"):
        check_outputs({"-o": place / "a", "--video": Path(other)})
    check_outputs({"-o": Path(os.devnull), "--video": Path(os.devnull)})


def test_standard_output_is_written_by_one() -> None:
    check_outputs({"-o": STDOUT}, streamed=["-o"])
    for outputs, as_json in (({"-o": STDOUT, "--jsonl": STDOUT}, False), ({"-o": STDOUT}, True)):
        with pytest.raises(Usage, match="would both write -"):
            check_outputs(outputs, as_json=as_json, streamed=["-o", "--jsonl"])
    with pytest.raises(Usage, match="--html -: expected the name of a file"):
        check_outputs({"--html": STDOUT}, streamed=["-o"])


@pytest.mark.parametrize(
    ("shell", "said"),
    [
        ('track "$M" - -o a.avi --box 9,9,20,20 <a.avi', "-o a.avi: is standard input, which is read"),
        (
            'track "$M" - --video /dev/stdin --box 9,9,20,20 <a.avi',
            "--video /dev/stdin: is standard input, which is read",
        ),
        ('track "$M" "$S" -o a.avi >>a.avi', "-o and standard output: would both write a.avi"),
        ('track "$M" "$S" -o /dev/stdout >>a.avi', "-o and standard output: would both write /dev/stdout"),
        ('track "$M" "$S" --json --jsonl a.avi >>a.avi', "--jsonl and --json: would both write a.avi"),
        ('track "$M" "$S" --json -o /dev/stdout | cat', "-o and --json: would both write /dev/stdout"),
        ('export "$S" -o a.avi >>a.avi', "-o and standard output: would both write a.avi"),
    ],
)
def test_what_the_shell_reads_and_writes_counts(
    tiny_model: Path, square_folder: Path, tmp_path: Path, shell: str, said: str
) -> None:
    (tmp_path / "a.avi").write_bytes(b"mine")
    names = {**os.environ, "M": str(tiny_model), "S": str(square_folder), "P": sys.executable}
    command = ["sh", "-c", f'"$P" -m cdedge {shell}']
    done = subprocess.run(command, cwd=tmp_path, env=names, capture_output=True, text=True, check=False)
    assert f"cdedge: {said}" in done.stderr
    assert (tmp_path / "a.avi").read_bytes().startswith(b"mine")


def test_a_file_that_is_said_to_be_standard_errors_is_no_output(
    tiny_model: Path, square_folder: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with log.open("w") as errors:
        command = [sys.executable, "-m", "cdedge", "track", str(tiny_model), str(square_folder), "-o", str(log)]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=errors, check=False)
    assert done.returncode == 2
    assert "would both write" in log.read_text()


def test_no_page_takes_the_place_of_what_a_comparison_reads(tmp_path: Path) -> None:
    for name in ("runs/A.json", "A.txt", "page.html"):
        (tmp_path / "results" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "results" / name).write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "results" / "A.txt")
    for name in ("results/runs/A.json", "results/A.txt", "link"):
        with pytest.raises(Usage, match="which is read; choose another name"):
            refuse_within("--html", tmp_path / name, [tmp_path / "results"])
    for name in ("results/page.html", "results/new.txt", "elsewhere.txt"):
        refuse_within("--html", tmp_path / name, [tmp_path / "results"])


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        (".", Usage, "folder"),
        ("/", Usage, "folder"),
        ("", Usage, "empty name"),
        ("folder", Usage, "folder"),
        ("no/such/x.txt", BadEnvironment, "there is no folder"),
        ("c.mp4/x.txt", BadEnvironment, "c.mp4"),
        ("socket", Usage, "socket"),
        ("x" * 300, BadEnvironment, "too long"),
    ],
)
def test_what_cannot_be_written(place: Path, name: str, kind: type[CdedgeError], text: str) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        with pytest.raises(kind, match=text):
            check_outputs({"-o": Path(name)})
    assert {path.name for path in place.iterdir()} == {"c.mp4", "link", "hard", "folder", "through", "socket"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_rights_are_looked_at(place: Path) -> None:
    (place / "folder").chmod(0o500)
    with pytest.raises(BadEnvironment, match="denied"):
        check_outputs({"-o": place / "folder" / "x"})


def test_what_a_killed_bundle_left_is_cleared_before_the_next(place: Path) -> None:
    left = place / f".cdedge-part-{'0' * 16}"
    left.mkdir()
    check_folder("-o", place / "new")
    assert not left.exists()


def test_a_folder_for_results(place: Path) -> None:
    check_folder("-o", place / "new" / "deeper")
    with pytest.raises(Usage, match="expected a folder"):
        check_folder("-o", place / "c.mp4" / "x")
    with pytest.raises(Usage, match="which is read"):
        check_folder("-o", place / "through", [place])
    assert not (place / "new").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("track", "MODEL", "SOURCE", "-o", "MODEL"), 2),
        (("track", "MODEL", "SOURCE", "-o", "."), 2),
        (("track", "MODEL", "SOURCE", "-o", ""), 2),
        (("track", "MODEL", "SOURCE", "--video", "out.xyz"), 2),
        (("track", "MODEL", "SOURCE", "--video", "out.gif"), 2),
        (("track", "MODEL", "SOURCE", "-o", "a.avi", "--video", "a.avi"), 2),
        (("track", "MODEL", "SOURCE", "-o", "-", "--json"), 2),
        (("report", "MODEL", "SOURCE", "-o", "MODEL"), 2),
        (("export", "MODEL", "-o", "MODEL"), 2),
        (("export", "SOURCE", "-o", "a.onnx", "--save-channels", "a.onnx"), 2),
        (("plan", "SOURCE", "-o", "/"), 2),
        (("plan", "SOURCE", "--plot", "no/such/x.svg"), 3),
        (("select", "SOURCE", "--png", "."), 2),
        (("export", "SOURCE", "-o", "-"), 2),
        (("report", "MODEL", "SOURCE", "-o", "-"), 2),
    ],
)
def test_commands_look_before_the_first_frame(
    cdedge: Run, tiny_model: Path, square_folder: Path, tmp_path: Path, words: tuple[str, ...], code: int
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    model, before = folder / "m.onnx", tiny_model.read_bytes()
    model.write_bytes(before)
    names = {"MODEL": model, "SOURCE": square_folder}
    done = cdedge(*(names.get(word, word) for word in words), cwd=folder)
    assert done.returncode == code, done.stderr
    assert done.stdout == "" or "--json" in words
    assert "Traceback" not in done.stderr
    assert model.read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["m.onnx"]


def test_a_device_stays_one(cdedge: Run, tiny_model: Path, square_folder: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True) as reader:
        done = cdedge("track", tiny_model, square_folder, "-o", pipe, "--jsonl", os.devnull)
        text, _ = reader.communicate(timeout=30)
    assert done.returncode == 0, done.stderr
    assert len(text.splitlines()) == 12
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)
