"""A file that is written keeps what it is; what a killed writer left is cleared, and nothing else."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cdedge_runtime.errors import BadEnvironment
from cdedge_runtime.files import (
    clear_parts,
    is_part,
    made_folder,
    opened_alone,
    scratch_folder,
    whole_file,
    whole_folder,
    write_whole,
)


def test_a_link_goes_on_naming_its_target(tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    link = tmp_path / "link"
    link.symlink_to(folder / "target")
    write_whole(link, b"first")  # a link that leads nowhere yet
    write_whole(link, b"second")
    assert link.is_symlink()
    assert (folder / "target").read_bytes() == b"second"
    assert [path.name for path in folder.iterdir()] == ["target"]


def test_mode_and_owner_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(path, 1234, 4321)
    before = path.stat()
    write_whole(path, b"new")
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


def test_a_new_file_has_the_usual_mode(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", b"")
    (tmp_path / "b").touch()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_a_pipe_is_written_into(tmp_path: Path) -> None:
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, b"through")
    reader.join(10)
    assert got == [b"through"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_device_is_written_into(tmp_path: Path) -> None:
    link = tmp_path / "null"
    link.symlink_to(os.devnull)
    write_whole(link, b"gone")
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)
    with pytest.raises(BadEnvironment, match="No space left"):
        write_whole(Path("/dev/full"), b"x")


def test_a_file_that_cannot_be_replaced_is_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mounted"
    path.write_bytes(b"old and longer")

    def busy(_self: Path, _target: Path) -> None:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(Path, "replace", busy)
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(BadEnvironment, match="busy"):
        write_whole(tmp_path / "other", b"new")


def test_a_folder_is_not_written_over(tmp_path: Path) -> None:
    with pytest.raises(BadEnvironment, match="folder"):
        write_whole(tmp_path, b"x")


def test_an_error_of_another_file_is_not_blamed_on_this_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "a"):
        (tmp_path / "none").read_bytes()
    assert list(tmp_path.iterdir()) == []


_HOLD = """
import sys, time
from pathlib import Path
from cdedge_runtime.files import scratch_folder, whole_file
with whole_file(Path(sys.argv[1]) / "a.onnx") as part, scratch_folder() as folder:
    (folder / "x").touch()
    print(part.name, flush=True)
    time.sleep(60)
"""


def test_what_a_killed_process_left_is_cleared_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for name in (".hidden", ".cdedge-part-0123", "a.onnx", ".cdedge-part-mine.txt"):
        (tmp_path / name).touch()
    own = {path.name for path in tmp_path.iterdir()}
    with subprocess.Popen([sys.executable, "-c", _HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        part = tmp_path / child.stdout.readline().strip()
        assert is_part(part)
        assert clear_parts(tmp_path) == []  # somebody is at work
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert len(clear_parts(tmp_path)) == 2
    assert {path.name for path in tmp_path.iterdir()} == own


def test_a_scratch_folder_goes_with_its_block() -> None:
    with scratch_folder() as folder:
        (folder / "x").write_text("x")
    assert not folder.exists()


def test_a_folder_is_made_whole_or_not_at_all(tmp_path: Path) -> None:
    def broken() -> None:
        with whole_folder(tmp_path / "new") as folder:
            (folder / "half").mkdir()
            raise KeyError

    with pytest.raises(KeyError):
        broken()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "usual").mkdir()
    with whole_folder(tmp_path / "new") as folder:
        (folder / "all").write_text("x")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["all"]
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "usual").stat().st_mode
    with pytest.raises(BadEnvironment, match="new: cannot be written"), whole_folder(tmp_path / "new"):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {"new", "usual"}


def test_folders_that_were_made_for_nothing_go_again_all_of_them(tmp_path: Path) -> None:
    with made_folder(tmp_path / "a" / "b" / "c"):
        assert (tmp_path / "a" / "b" / "c").is_dir()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "there").mkdir()
    with made_folder(tmp_path / "there" / "kept" / "empty"):
        (tmp_path / "there" / "kept" / "result").touch()
    assert [path.name for path in (tmp_path / "there" / "kept").iterdir()] == ["result"]
    (tmp_path / "own").mkdir()
    with made_folder(tmp_path / "own"):
        pass
    assert (tmp_path / "own").is_dir()


def test_a_disk_that_fills_while_a_folder_is_made_is_told_of_it(tmp_path: Path) -> None:
    with pytest.raises(BadEnvironment, match="new: cannot be written: No space left"), whole_folder(tmp_path / "new"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_written_to_bit_by_bit_is_one_writers(tmp_path: Path) -> None:
    path = tmp_path / "boxes"
    path.write_text("older")
    with opened_alone(path) as file:
        file.write(b"1\n")
        with pytest.raises(BlockingIOError, match="another process is writing it"):
            opened_alone(path)
        file.write(b"2\n")
    assert path.read_text() == "1\n2\n"
    with opened_alone(path), opened_alone(Path(os.devnull)), opened_alone(Path(os.devnull)):
        assert path.read_bytes() == b""


def test_parts_are_not_cleared_before_they_are_locked(tmp_path: Path) -> None:
    """Whoever clears may come between a part's making and its lock."""
    done = threading.Event()

    def clear() -> None:
        while not done.is_set():
            clear_parts(tmp_path)

    clearing = threading.Thread(target=clear)
    clearing.start()
    try:
        for index in range(200):
            write_whole(tmp_path / "a.bin", bytes([index]))
            assert (tmp_path / "a.bin").read_bytes() == bytes([index])
    finally:
        done.set()
        clearing.join()
