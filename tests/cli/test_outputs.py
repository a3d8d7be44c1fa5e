"""Nothing that is read is written over, and what cannot be written is told before any work."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cdedge.outputs import STDOUT, check_folder, check_outputs
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
    check_outputs({"-o": STDOUT})
    for outputs, as_json in (({"-o": STDOUT, "--jsonl": STDOUT}, False), ({"-o": STDOUT}, True)):
        with pytest.raises(Usage, match="would both write -"):
            check_outputs(outputs, as_json=as_json)


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
