"""The published schemas are those of today's records, and real answers follow them."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cdedge.schemas.answers import answers
from cdedge.schemas.schema import json_schema
from tests.conftest import Done

Run = Callable[..., Done]
FOLDER = Path(__file__).parents[2] / "docs" / "schemas"


def check(answer: Any, name: str) -> None:
    schema = json_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(answer)


def asked(done: Done) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_published_files_are_todays(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "cdedge.schemas", tmp_path / "new"], check=True)
    made = {path.name: path.read_text() for path in (tmp_path / "new").iterdir()}
    assert {path.name: path.read_text() for path in FOLDER.iterdir()} == made, (
        "write them again: python -m cdedge.schemas docs/schemas"
    )


def test_bench_alone_compared_and_as_page(cdedge: Run, tiny_model: Path, square_folder: Path, tmp_path: Path) -> None:
    answer = asked(cdedge("bench", tiny_model, square_folder, "--threads", 1, "--json"))
    check(answer, "cdedge.bench/1")
    old = tmp_path / "old.json"
    old.write_text(json.dumps(answer))
    done = cdedge("bench", tiny_model, square_folder, "--threads", 1, "--compare", old, "--json")
    compared = json.loads(done.stdout)
    check(compared, "cdedge.bench/1")
    worse = any(change["verdict"] == "worse" for change in compared["compared"]["changes"])
    assert done.returncode == int(worse)  # whether it is, the machine's load decides
    assert compared["compared"]["changes"]
    page = tmp_path / "page.html"
    check(asked(cdedge("report", tiny_model, "-o", page, "--bench", old, "--json")), "cdedge.report/1")


def test_soak(cdedge: Run, tiny_model: Path, square_folder: Path) -> None:
    command = ("soak", tiny_model, square_folder, "--frames", 60, "--threads", 1, "--allow", 1e12, "--json")
    check(asked(cdedge(*command)), "cdedge.soak/1")


def test_warm(cdedge: Run, tiny_model: Path) -> None:
    check(asked(cdedge("warm", tiny_model, "--provider", "cpu", "--json")), "cdedge.warm/1")


def test_doctor(cdedge: Run, tiny_model: Path) -> None:
    check(json.loads(cdedge("doctor", tiny_model, "--json").stdout), "cdedge.doctor/1")


def test_what_is_in_a_file_and_what_is_tracked(cdedge: Run, tiny_model: Path, square_folder: Path) -> None:
    check(asked(cdedge("inspect", tiny_model, "--json")), "cdedge.inspect/1")
    check(asked(cdedge("track", tiny_model, square_folder, "--json")), "cdedge.track/1")


def test_devices_all_and_one(cdedge: Run) -> None:
    check(asked(cdedge("devices", "--json")), "cdedge.devices/1")
    check(asked(cdedge("devices", "jetson-nano", "--json")), "cdedge.devices/1")


def test_an_export(cdedge: Run, square_folder: Path, tmp_path: Path) -> None:
    words = ("--layers", "11", "-o", tmp_path / "square.onnx", "--json")
    check(asked(cdedge("export", square_folder, *words)), "cdedge.export/1")


def test_evaluated_compared_converted(cdedge: Run, tiny_model: Path, square_folder: Path, tmp_path: Path) -> None:
    root, one, two = square_folder.parent, tmp_path / "results" / "one", tmp_path / "results" / "two"
    words = ("--root", root, "--sequences", square_folder.name, "--model", tiny_model)
    check(asked(cdedge("evaluate", *words, "-o", one, "--json")), "cdedge.evaluate/1")
    assert cdedge("evaluate", *words, "-o", two).returncode == 0
    check(asked(cdedge("compare", one, two, "--json")), "cdedge.compare/1")
    check(asked(cdedge("convert", one, "--to", "got10k", "-o", tmp_path / "got10k", "--json")), "cdedge.convert/1")


def test_a_sweep(cdedge: Run, tiny_model: Path, square_folder: Path, tmp_path: Path) -> None:
    sweep = tmp_path / "sweep.toml"
    sweep.write_text(f'[[run]]\nname = "tiny"\nmodel = "{tiny_model}"\n')
    words = ("--root", square_folder.parent, "--sequences", square_folder.name, "--sweep", sweep)
    check(asked(cdedge("evaluate", *words, "-o", tmp_path / "swept", "--json")), "cdedge.sweep/1")


def test_every_answer_that_the_code_gives_has_a_schema() -> None:
    given: set[str] = set()
    for path in (Path(__file__).parents[2] / "cdedge").rglob("*.py"):
        given |= set(re.findall(r'emit_json\(\s*"(cdedge\.[a-z]+/\d+)"', path.read_text()))
    assert given
    assert given <= set(answers())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda answer: answer.pop("bytes"),
        lambda answer: answer.update(bytes="many"),
        lambda answer: answer.update(other=1),
        lambda answer: answer.update(schema="cdedge.bench/1"),
        lambda answer: answer["left_out"].update(pictures=3),
    ],
)
def test_another_answer_does_not_follow(spoil: Callable[[Any], None]) -> None:
    answer = {"schema": "cdedge.report/1", "page": "p.html", "bytes": 3, "left_out": {"pictures": "why"}}
    check(answer, "cdedge.report/1")
    spoiled = copy.deepcopy(answer)
    spoil(spoiled)
    with pytest.raises(jsonschema.ValidationError):
        check(spoiled, "cdedge.report/1")
