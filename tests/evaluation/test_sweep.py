"""Sweeps: what a file asks for, and the table it gives."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path

import pytest

from cdedge.evaluation import checking, evaluating
from cdedge.evaluation.datasets import load_dataset
from cdedge.evaluation.metrics import get_convention
from cdedge.evaluation.runner import run
from cdedge.evaluation.summary import summarize
from cdedge.evaluation.sweep import read_sweep, row_of
from cdedge_runtime.errors import BadEnvironment, BadInput, MissingExtra, Usage
from tests.evaluation.running import configure, hand_of, make_squares, perfect


@pytest.fixture
def base(tmp_path):
    return configure(tmp_path)


def read(tmp_path, base, text):
    path = tmp_path / "sweep.toml"
    path.write_text(text)
    return read_sweep(path, base)


def test_a_grid_is_every_combination(tmp_path, base):
    text = '[base]\ntracker = "deepcd"\nlayers = "11"\n[grid]\nrank = ["rel", "random"]\nseed = [0, 1, 2]\n'
    runs = read(tmp_path, base, text)
    assert [r.name for r in runs][:2] == ["rank=rel,seed=0", "rank=rel,seed=1"]
    assert len(runs) == 6
    assert {r.configuration.tracker.made.layers for r in runs} == {"11"}
    assert {(r.configuration.tracker.made.rank, r.configuration.tracker.made.seed) for r in runs} == {
        (rank, seed) for rank in ("rel", "random") for seed in (0, 1, 2)
    }


def test_runs_have_names_and_overrule_the_base(tmp_path, base):
    text = '[base]\nthreads = 2\n[[run]]\nname = "all"\ndistill = false\n'
    text += '[[run]]\nname = "one"\nthreads = 1\ninput = 96\n'
    first, second = (r.configuration for r in read(tmp_path, base, text))
    assert (first.threads, first.tracker.made.distill, second.threads, second.tracker.made.input_px) == (
        2,
        False,
        1,
        96,
    )


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("[grid]\ncolour = [1]\n", Usage, "unknown option 'colour'"),
        ('[grid]\nseed = ["one"]\n', Usage, "seed: expected int"),
        ("[base]\nseed = 1\n", Usage, "nothing to run"),
        ("[grid", BadInput, "not TOML"),
        ("[[run]]\nseed = 1\n", Usage, "needs a name"),
        *(
            (f'[[run]]\nname = "{name}"\nseed = 1\n', Usage, "a name that can be a folder")
            for name in ("..", ".", "a/b")
        ),
        ('[[run]]\nname = "a"\n[[run]]\nname = "a"\n', Usage, "two runs are named a"),
        ("[runs]\n", Usage, "got runs"),
        ("base = 3\n", Usage, r"expected \[base\] as a table"),
        ("grid = [1]\n", Usage, r"expected \[grid\] as a table"),
        ('[run]\nname = "a"\n', Usage, r"expected \[\[run\]\] in two brackets"),
        ('run = ["a"]\n', Usage, r"expected \[\[run\]\] as a table"),
        ('[[run]]\nname = "a\\u001b[1m"\n', Usage, "a name that can be a folder"),
        (f'[[run]]\nname = "{"é" * 128}"\n', Usage, "too long a name"),
        (f'[grid]\nweights = ["{"w" * 250}.pth"]\n', Usage, "too long a name"),
        *(
            (f'[[run]]\nname = "{name}"\n', Usage, "is the table beside the runs")
            for name in ("sweep.json", "sweep.csv")
        ),
        (f"[grid]\nseed = {[*range(101)]}\ninput = {[*range(100, 200)]}\n", Usage, "10100 combinations"),
        ("a = " + "[" * 100_000, BadInput, "not TOML"),
        ("a = " + "9" * 5000, BadInput, "not TOML"),
    ],
)
def test_files_that_mean_nothing(tmp_path, base, text, error, message):
    with pytest.raises(error, match=message):
        read(tmp_path, base, text)


def test_a_sweep_gives_one_table_and_resumes(tmp_path, cdedge):
    make_squares(tmp_path / "data", "A", frames=3)
    file, out = tmp_path / "peers.toml", tmp_path / "out"
    file.write_text('[grid]\ntracker = ["opencv:MOSSE", "opencv:KCF"]\n')
    done = cdedge("evaluate", "--root", tmp_path / "data", "--sweep", file, "-o", out, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert [row["name"] for row in answer["runs"]] == ["tracker=opencv:MOSSE", "tracker=opencv:KCF"]
    with (out / "sweep.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert [float(row["auc"]) for row in rows] == [row["auc"] for row in answer["runs"]]
    again = cdedge("evaluate", "--root", tmp_path / "data", "--sweep", file, "-o", out)
    assert again.stderr.count("before: 1 pass\n") == 2
    assert "tracker=opencv:KCF" in again.stdout


def test_the_table_names_files_without_the_folders_of_the_machine(tmp_path, base):
    make_squares(tmp_path, "A")
    text = f'[[run]]\nname = "x"\nweights = "{tmp_path}/own.pth"\nset = "scale=none power=1"\n'
    (item,) = read(tmp_path, base, text)
    out = tmp_path / "out"
    run(load_dataset("otb", tmp_path), base, out, hand=hand_of(perfect, []))
    row = row_of(item, summarize(out, convention=get_convention("otb")))
    assert (row["weights"], row["settings"]) == ("own.pth", "scale=none+power=1")


def test_what_is_next_after_a_sweep_does_not_ask_what_stopped(tmp_path, base):
    runs = read(
        tmp_path, base, "".join(f'[[run]]\nname = "{n}"\nprotocol = "{p}"\n' for n, p in (("a", "tre2"), ("b", "ope")))
    )
    assert evaluating._comparable(runs, tmp_path, [{"name": "a"}, {"name": "b"}]) == [tmp_path / "a"]
    assert evaluating._comparable(runs, tmp_path, [{"name": "b"}]) == [tmp_path]


def test_what_this_machine_lacks_stops_a_sweep_as_that(tmp_path, base, monkeypatch):
    def check(_configuration):
        raise MissingExtra("torch is not there", "export")

    monkeypatch.setattr(checking, "check", check)
    with pytest.raises(BadEnvironment, match="torch is not there"):
        checking.check_runs(tmp_path / "s.toml", read(tmp_path, base, '[[run]]\nname = "x"\n'))


FOUR = """
[[run]]
name = "first"
tracker = "opencv:MOSSE"
[[run]]
name = "nano"
tracker = "opencv:Nano"
peer_model = "backbone.onnx,head.onnx"
[[run]]
name = "deep"
deep = "backbone.onnx"
[[run]]
name = "layer"
layers = "99"
"""


def test_every_run_is_checked_before_the_first_one_starts(tmp_path, cdedge):
    pytest.importorskip("torch", reason="distilling needs PyTorch")
    make_squares(tmp_path / "data", "A", frames=3)
    file, out = tmp_path / "four.toml", tmp_path / "out"
    file.write_text(FOUR)
    done = cdedge("evaluate", "--root", tmp_path / "data", "--sweep", file, "-o", out, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n"), out.exists()) == (1, 1, False)
    assert "nothing was run, as 3 of its runs cannot be" in done.stderr
    assert f"nano, deep: {tmp_path / 'backbone.onnx'} is not there; put the file there" in done.stderr
    assert "layer: " in done.stderr
    assert "first" not in done.stderr


def test_a_run_that_stops_stops_no_other(tmp_path, cdedge):
    make_squares(tmp_path / "data", "A", frames=3)
    file, out = tmp_path / "two.toml", tmp_path / "out"
    file.write_text("".join(f'[[run]]\nname = "{name}"\ntracker = "opencv:MOSSE"\n' for name in "ab"))
    (out / "a").mkdir(parents=True)
    (out / "a" / "A.txt").write_text("1,2,3,4\n")  # somebody else's
    done = cdedge("evaluate", "--root", tmp_path / "data", "--sweep", file, "-o", out, "--json")
    assert [row["name"] for row in json.loads(done.stdout)["runs"]] == ["b"]
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(
        f"cdedge: 1 run stopped before the end: a: {out}/a: holds text files"
    )
    file.write_text('[[run]]\nname = "a"\ntracker = "opencv:MOSSE"\n')
    alone = cdedge("evaluate", "--root", tmp_path / "data", "--sweep", file, "-o", out, "--json")
    assert (alone.returncode, json.loads(alone.stdout)["schema"]) == (2, "cdedge.error/1")


def test_a_run_that_stops_and_passes_that_fail_are_told_together(tmp_path, cdedge):
    make_squares(tmp_path / "data", "A", frames=3)
    (tmp_path / "data" / "A" / "img" / "0002.png").write_bytes(b"no image")
    make_squares(tmp_path / "data", "B", frames=3)
    file, out = tmp_path / "two.toml", tmp_path / "out"
    file.write_text("".join(f'[[run]]\nname = "{name}"\ntracker = "opencv:MOSSE"\n' for name in "ab"))
    (out / "a").mkdir(parents=True)
    (out / "a" / "A.txt").write_text("1,2,3,4\n")  # somebody else's
    done = cdedge("evaluate", "--root", tmp_path / "data", "--sweep", file, "-o", out)
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 1
    assert last.startswith("cdedge: 1 run stopped before the end: a: ")
    assert "; 1 failed (see failures.json): b/A: " in last


def test_what_is_next_after_a_sweep_of_two_protocols_compares_those_of_the_first(tmp_path, cdedge):
    make_squares(tmp_path / "data", "A", frames=24)
    file, out = tmp_path / "three.toml", tmp_path / "out"
    runs = (("a", "ope"), ("b", "tre2"), ("c", "ope"))
    file.write_text("".join(f'[[run]]\nname = "{n}"\ntracker = "opencv:MOSSE"\nprotocol = "{p}"\n' for n, p in runs))
    done = cdedge("evaluate", "--root", tmp_path / "data", "--sweep", file, "-o", out)
    (following,) = re.findall(r"^next: cdedge (.*)$", done.stderr, re.MULTILINE)
    assert following == f"compare {out / 'a'} {out / 'c'} --html compared.html"
    compared = cdedge(*shlex.split(following), cwd=tmp_path)
    assert compared.returncode == 0, compared.stderr


def test_what_this_machine_lacks_stops_every_run(tmp_path, base, monkeypatch):
    begun = []

    def scored(_dataset, _configuration, folder, _settings):
        begun.append(folder.name)
        raise BadEnvironment("no space left")

    monkeypatch.setattr(evaluating, "_scored", scored)
    runs = read(tmp_path, base, '[[run]]\nname = "a"\n[[run]]\nname = "b"\n')
    with pytest.raises(BadEnvironment, match="no space left"):
        evaluating._each_scored(runs, None, tmp_path, None)
    assert begun == ["a"]


def test_a_sweep_whose_options_are_wrong_is_wrong_usage(tmp_path, cdedge):
    make_squares(tmp_path / "data", "A", frames=3)
    file = tmp_path / "one.toml"
    file.write_text('[[run]]\nname = "x"\ntracker = "opencv:NONE"\n')
    done = cdedge("evaluate", "--root", tmp_path / "data", "--sweep", file, "-o", tmp_path / "out")
    assert (done.returncode, "x: unknown OpenCV tracker" in done.stderr) == (2, True)


def test_the_sweep_of_the_readme_needs_no_file(base):
    runs = read_sweep(Path(__file__).parents[2] / "benchmarks" / "paper.toml", base)
    made = [item.configuration.tracker for item in runs]
    assert [tracker.files for tracker in made] == [()] * 14
    assert {t.made.weights for t in made} == {None}
    chance = [(t.made.layers, t.made.seed) for t in made if t.made.rank == "random"]
    assert chance == [(layers, seed) for layers in ("11", "11+12+21") for seed in range(5)]
