"""A board's wheels: tags by PEP 600, known bad releases kept away, words refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdedge.bundling.board import board_of
from cdedge_devices import names
from cdedge_runtime.errors import Usage


def test_a_pi_takes_wheels_of_every_c_library_up_to_its_own() -> None:
    board = board_of("raspberry-pi-5")
    assert (board.architecture, board.python, board.glibc_minor) == ("aarch64", "3.11", 36)
    assert board.platforms[0] == "manylinux_2_36_aarch64"
    assert board.platforms[-3:] == ("manylinux_2_17_aarch64", "manylinux2014_aarch64", "linux_aarch64")
    assert "manylinux_2_16_aarch64" not in board.platforms


def test_x86_has_the_names_from_before_pep_600() -> None:
    tags = board_of("x86-64", "3.12").platforms
    assert {"manylinux1_x86_64", "manylinux2010_x86_64", "manylinux2014_x86_64", "manylinux_2_5_x86_64"} <= set(tags)


def test_known_bad_releases_are_banned() -> None:
    assert board_of("raspberry-pi-4").banned == ("onnxruntime!=1.21.0",)


@pytest.mark.parametrize("name", names())
def test_every_profile_makes_a_board(name: str) -> None:
    assert board_of(name, "3.11").platforms


def test_words_that_make_no_board() -> None:
    with pytest.raises(Usage, match="raspberry-pi-5"):
        board_of("raspberry-pi-6")
    with pytest.raises(Usage, match="--python 311"):
        board_of("x86-64", "311")
    with pytest.raises(Usage, match=r"--python 3\.9: cdedge runs on Python 3\.10 and newer"):
        board_of("x86-64", "3.9")


def test_another_python_than_the_systems_is_not_said_to_be_of_its_release() -> None:
    assert board_of("raspberry-pi-5").system.startswith("Raspberry Pi OS 64-bit (Debian 12")
    assert board_of("raspberry-pi-5", "3.13").system == "Raspberry Pi OS 64-bit"
    beside = board_of("jetson-xavier-nx", "3.11")  # whose profile has none of the system's
    assert beside.system == "JetPack 5 (L4T r35, Ubuntu 20.04)"


def test_a_profile_without_c_library(tmp_path: Path) -> None:
    import cdedge_devices

    text = (Path(cdedge_devices.__file__).parent / "profiles" / "raspberry-pi-5.toml").read_text()
    path = tmp_path / "mine.toml"
    path.write_text(text.replace('glibc = "2.36"\n', ""))
    with pytest.raises(Usage, match="C library"):
        board_of(str(path))
