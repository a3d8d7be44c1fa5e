"""What is handed out: the wheel holds the packages, their data and licences, and nothing else."""

from __future__ import annotations

import json
import re
import struct
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

from cdedge.bundling.pip import our_wheel
from cdedge_runtime.errors import BadEnvironment

ROOT = Path(__file__).parents[2]
PACKAGES = {"cdedge": ".", "cdedge_runtime": "runtime", "cdedge_export": "export", "cdedge_devices": "devices"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    try:
        path = our_wheel(tmp_path_factory.mktemp("wheel"))
    except BadEnvironment as error:
        pytest.skip(f"no wheel can be built: {error}")
    return zipfile.ZipFile(path)


def metadata(wheel: zipfile.ZipFile) -> Message:
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


def test_it_holds_every_file_of_the_packages_and_no_other(wheel: zipfile.ZipFile) -> None:
    there = {name for name in wheel.namelist() if ".dist-info/" not in name}
    wanted = {
        path.relative_to(ROOT / folder).as_posix()
        for package, folder in PACKAGES.items()
        for path in (ROOT / folder / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert there == wanted


def test_no_test_no_shared_data_no_place_of_this_machine(wheel: zipfile.ZipFile) -> None:
    assert not [name for name in wheel.namelist() if re.search(r"(^|/)(tests|docs|shared|benchmarks)/", name)]
    for name in wheel.namelist():
        assert str(ROOT).encode() not in wheel.read(name), name


def test_the_weights_say_their_licence(wheel: zipfile.ZipFile) -> None:
    files = [name for name in wheel.namelist() if name.endswith(".safetensors")]
    assert len(files) == 3
    for name in files:
        data = wheel.read(name)
        (length,) = struct.unpack("<Q", data[:8])
        notes = json.loads(data[8 : 8 + length])["__metadata__"]
        assert notes["licence"].startswith("Apache-2.0"), name


def test_licence_version_and_readme(wheel: zipfile.ZipFile) -> None:
    said, names = metadata(wheel), wheel.namelist()
    assert said["License-Expression"] == "Apache-2.0"
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert re.search(
        rf'^version = "{re.escape(said["Version"])}"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE
    )
    assert said.get_payload().startswith("# cdedge")  # type: ignore[union-attr]


def test_the_device_needs_no_desk(wheel: zipfile.ZipFile) -> None:
    needed = [text for text in metadata(wheel).get_all("Requires-Dist", []) if "extra ==" not in text]
    assert {re.match(r"[\w-]+", text)[0] for text in needed} == {"numpy", "rich", "typer", "tomli"}  # type: ignore[index]


def test_the_newest_version_has_its_changes_and_its_citation() -> None:
    newest = re.search(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    cited = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert newest is not None
    assert cited is not None
    assert cited[1] == newest[1]
