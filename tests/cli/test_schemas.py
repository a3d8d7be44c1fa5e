"""The published schemas are those of today's records, and real answers follow them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cdedge.show.schemas import answers, file_name, file_text, json_schema
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


def test_the_published_files_are_todays() -> None:
    made = {file_name(name): file_text(name) for name in answers()}
    assert {path.name: path.read_text() for path in FOLDER.iterdir()} == made, (
        "write them again: python -m cdedge.show.schemas docs/schemas"
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
