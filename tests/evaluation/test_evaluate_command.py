"""``evaluate``, ``compare`` and ``convert`` as a user runs them."""

from __future__ import annotations

import json
import re
import shlex

import numpy as np
import pytest

from cdedge.evaluation.evaluating import raise_failures
from cdedge.evaluation.job import Failure
from cdedge_runtime.errors import BadEnvironment, CdedgeError
from tests.evaluation.running import make_squares

FIELDS = {
    "schema", "precision_20px", "auc", "auc_interval", "sr_50", "fps", "sequences", "failures", "skipped",
    "results", "peak_memory",
}  # fmt: skip


@pytest.fixture
def data(tmp_path):
    make_squares(tmp_path / "data", "AB")
    return tmp_path / "data"


def test_evaluate_scores_a_peer(cdedge, data, tmp_path):
    done = cdedge("evaluate", "--root", data, "--tracker", "opencv:KCF", "-o", tmp_path / "kcf", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert set(answer) >= FIELDS
    assert [s["name"] for s in answer["sequences"]] == ["A", "B"]
    assert answer["auc"] > 0.5
    assert answer["fps"] > 0
    assert answer["peak_memory"]["largest_over_floor_bytes"] > 0


def test_evaluate_with_one_exported_file(cdedge, data, tmp_path, tiny_model):
    done = cdedge("evaluate", "--root", data, "--model", tiny_model, "--jobs", 2, "-o", tmp_path / "tiny")
    assert done.returncode == 0, done.stderr
    assert "peak memory" in done.stdout
    manifest = json.loads((tmp_path / "tiny" / "manifest.json").read_text())
    assert manifest["weights_sha256"] == "ab" * 32  # the tiny model's contract says so
    assert list(manifest["files"]) == [str(tiny_model)]


def test_evaluate_distils_each_sequence(cdedge, data, tmp_path):
    torch = pytest.importorskip("torch", reason="distilling needs PyTorch")
    pytest.importorskip("onnx", reason="exporting needs onnx")
    generator = torch.Generator().manual_seed(0)
    weights = {
        "features.0.weight": torch.randn(64, 3, 3, 3, generator=generator) * 0.05,
        "features.0.bias": torch.zeros(64),
    }
    torch.save(weights, tmp_path / "w.pth")
    options = (
        "--weights",
        tmp_path / "w.pth",
        "--convention",
        "caffe",
        "--channels",
        "8",
        "--search",
        "none",
    )
    done = cdedge("evaluate", "--root", data, *options, "--sequences", "A", "-o", tmp_path / "deepcd", "--json")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "deepcd" / "models" / "A.onnx").is_file()
    assert [s["name"] for s in json.loads(done.stdout)["sequences"]] == ["A"]


def test_without_an_out_the_folder_is_named_and_said(cdedge, data, tmp_path):
    done = cdedge("evaluate", "--root", data, "--tracker", "opencv:MOSSE", "--sequences", "B", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "results go to results/otb-MOSSE" in done.stderr
    assert (tmp_path / "results" / "otb-MOSSE" / "B.txt").is_file()


def test_failures_end_with_1_and_their_names(cdedge, data, tmp_path):
    (data / "B" / "img" / "0002.png").write_bytes(b"no image")
    done = cdedge("evaluate", "--root", data, "--tracker", "opencv:MOSSE", "-o", tmp_path / "out", "--json")
    assert done.returncode == 1
    assert "1 failed" in done.stderr
    assert "0002.png" in done.stderr
    answer = json.loads(done.stdout)
    assert answer["failures"]["B"]["kind"] == "data"
    assert [s["name"] for s in answer["sequences"]] == ["A"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--tracker", "siamfc"), 2, "unknown tracker"),
        (("--tracker", "opencv:SORT"), 2, "CSRT, KCF"),
        (("--tracker", "opencv:Nano"), 2, "backbone, neckhead"),
        (("--tracker", "opencv:KCF", "--model", "x.onnx"), 2, "a model is for cdedge's own"),
        (("--model", "none.onnx"), 1, "none.onnx"),
        (("--tracker", "opencv:KCF", "--sequences", "Z"), 2, "no sequence named Z"),
        (("--tracker", "opencv:KCF", "--dataset", "vot"), 1, "no vot sequence"),
        (("--tracker", "opencv:KCF", "--scoring", "mine"), 2, "unknown convention"),
    ],
)
def test_bad_options_say_what_was_expected(cdedge, data, tmp_path, arguments, code, message):
    done = cdedge("evaluate", "--root", data, *arguments, "-o", tmp_path / "out")
    assert done.returncode == code
    assert message in done.stderr
    assert not (tmp_path / "out" / "manifest.json").exists()


def write_raw(folder, offset):
    """Results as pytracking leaves them: tabs, whole numbers, 1-based."""
    folder.mkdir()
    for name in "AB":
        rows = [f"{41 + 3 * i + offset}\t{51 + 2 * i}\t24\t20\n" for i in range(6)]
        (folder / f"{name}.txt").write_text("".join(rows))


@pytest.fixture
def imported(cdedge, data, tmp_path):
    for name, offset in (("good", 0), ("bad", 8)):
        write_raw(tmp_path / f"raw-{name}", offset)
        done = cdedge("evaluate", "--root", data, "--raw", tmp_path / f"raw-{name}", "-o", tmp_path / name)
        assert done.returncode == 0, done.stderr
    return tmp_path / "good", tmp_path / "bad"


def test_raw_results_of_another_tracker_are_scored(cdedge, data, imported, tmp_path):
    done = cdedge("evaluate", "--root", data, "--raw", tmp_path / "raw-good", "-o", imported[0], "--json")
    answer = json.loads(done.stdout)
    assert answer["auc"] == pytest.approx(20 / 21)
    assert (answer["fps"], answer["peak_memory"]) == (None, None)


def test_compare_puts_the_best_first_and_differences_to_the_first_given(cdedge, imported):
    good, bad = imported
    answer = json.loads(cdedge("compare", bad, good, "--json").stdout)
    assert [t["name"] for t in answer["trackers"]] == ["good", "bad"]
    assert answer["reference"] == "bad"
    difference = answer["trackers"][0]["auc_difference"]
    assert difference["mean"] == pytest.approx(np.diff([t["auc"] for t in reversed(answer["trackers"])])[0])
    assert not difference["is_noise"]
    table = cdedge("compare", good, bad).stdout
    assert table.index("good") < table.index("bad")


def test_equal_results_read_as_not_significant(cdedge, imported):
    good, bad = imported
    (bad / "A.txt").write_text((good / "A.txt").read_text())
    done = cdedge("compare", good, bad)
    assert "n.s." in done.stdout


def test_compare_keeps_to_the_common_sequences_and_says_so(cdedge, imported):
    good, bad = imported
    assert "one sequence alone" not in cdedge("compare", good, bad).stderr
    (bad / "B.txt").unlink()
    done = cdedge("compare", good, bad, "--json")
    assert "as only good has scores of: B" in done.stderr
    assert "one sequence alone: intervals" in done.stderr
    assert json.loads(done.stdout)["sequences"] == ["A"]


def test_compare_finds_a_data_set_that_moved(cdedge, data, imported, tmp_path):
    data.rename(tmp_path / "moved")
    assert cdedge("compare", *imported).returncode == 1
    assert cdedge("compare", *imported, "--root", tmp_path / "moved").returncode == 0


def test_compare_writes_a_page(cdedge, data, imported, tmp_path):
    for read in (imported[0] / "manifest.json", next(data.rglob("groundtruth_rect.txt"))):
        before = read.read_bytes()
        done = cdedge("compare", *imported, "--html", read)
        assert (done.returncode, read.read_bytes()) == (2, before), done.stderr
    done = cdedge("compare", *imported, "--html", tmp_path / "page.html")
    assert done.returncode == 0, done.stderr
    assert "good" in (tmp_path / "page.html").read_text()


def test_compare_needs_our_folders(cdedge, tmp_path):
    done = cdedge("compare", tmp_path)
    assert done.returncode == 1
    assert "no manifest.json" in done.stderr


@pytest.fixture
def swept(cdedge, data, tmp_path):
    """A finished sweep of two trackers, whose names are not in the order of the alphabet."""
    file = tmp_path / "two.toml"
    file.write_text(
        "".join(f'[[run]]\nname = "{n}"\ntracker = "opencv:{t}"\n' for n, t in (("b", "KCF"), ("a", "MOSSE")))
    )
    done = cdedge("evaluate", "--root", data, "--sweep", file, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    return tmp_path / "out"


def test_compare_takes_a_sweeps_folder_and_all_that_lies_in_it(cdedge, swept):
    whole = json.loads(cdedge("compare", swept, "--json").stdout)
    assert (whole["reference"], {t["name"] for t in whole["trackers"]}) == ("b", {"a", "b"})
    listed = cdedge("compare", *sorted(swept.iterdir()), "--json")
    assert {t["name"] for t in json.loads(listed.stdout)["trackers"]} == {"a", "b"}
    named = cdedge("compare", *sorted(swept.iterdir())).stderr
    assert f"next: cdedge compare {swept / 'a'} {swept / 'b'} --html compared.html\n" in named


def test_compare_names_what_is_unfinished_and_compares_the_rest(cdedge, swept):
    (swept / "c").mkdir()
    (swept / "a" / "B.txt").unlink()
    manifest = json.loads((swept / "a" / "manifest.json").read_text())
    manifest["runs"][-1]["finished"] = None
    (swept / "a" / "manifest.json").write_text(json.dumps(manifest))
    done = cdedge("compare", swept, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert [t["name"] for t in answer["trackers"]] == ["b"]
    assert answer["unfinished"] == [str(swept / "a"), str(swept / "c")]
    assert f"unfinished: {swept / 'a'}, {swept / 'c'}; run the same 'cdedge evaluate' again" in done.stderr
    alone = cdedge("compare", swept / "a")
    assert (alone.returncode, "stopped before its end" in alone.stderr) == (1, True)


def test_a_run_that_was_stopped_with_nothing_left_to_do_is_finished(cdedge, swept):
    manifest = json.loads((swept / "a" / "manifest.json").read_text())
    manifest["runs"][-1]["finished"] = None
    (swept / "a" / "manifest.json").write_text(json.dumps(manifest))
    assert json.loads(cdedge("compare", swept, "--json").stdout)["unfinished"] == []


def test_compare_of_files_alone_says_what_it_wants(cdedge, swept):
    done = cdedge("compare", swept / "sweep.csv")
    assert (done.returncode, "expected folders made by 'cdedge evaluate'" in done.stderr) == (2, True)
    assert "no such folder" in cdedge("compare", swept / "none").stderr


def test_what_is_next_after_one_tracker_is_another_beside_it(cdedge, data, tiny_model, tmp_path):
    done = cdedge("evaluate", "--root", data, "--model", tiny_model, "--sequences", "A", "-o", tmp_path / "own")
    wanted = f"evaluate --dataset otb --root {data} --sequences A --tracker opencv:CSRT -o {tmp_path / 'own-csrt'}"
    assert f"next: cdedge {wanted}" in done.stderr
    shifted = ("--protocol", "tre2", "--sequences", "A", "-o", tmp_path / "shifted")
    done = cdedge("evaluate", "--root", data, "--model", tiny_model, *shifted)
    assert f"--sequences A --protocol tre2 --tracker opencv:CSRT -o {tmp_path / 'shifted-csrt'}" in done.stderr


def test_what_is_next_after_a_page_of_shifted_passes_is_no_conversion(cdedge, data, tmp_path):
    shifted = ("--protocol", "tre2", "--tracker", "opencv:MOSSE", "-o", tmp_path / "shifted")
    assert cdedge("evaluate", "--root", data, *shifted).returncode == 0
    done = cdedge("compare", tmp_path / "shifted", "--html", tmp_path / "page.html")
    assert (done.returncode, "next:" in done.stderr) == (0, False)


def test_a_data_set_that_is_not_there_is_said_before_where_results_go(cdedge, tmp_path):
    done = cdedge("evaluate", "--root", tmp_path / "nowhere", "--tracker", "opencv:KCF", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n"), "results go" in done.stderr) == (1, 1, False)


def test_convert_writes_another_layout(cdedge, imported, tmp_path):
    done = cdedge("convert", imported[0], "--to", "pytracking", "-o", tmp_path / "there", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["written"] == ["A", "B"]
    assert (tmp_path / "there" / "A.txt").read_text().splitlines()[0] == "41\t51\t24\t20"


@pytest.mark.parametrize("to", ["got10k", "pytracking", "pysot"])
def test_what_is_next_after_convert_scores_the_same(cdedge, imported, to):
    moved = imported[1].parent / "moved"
    (imported[1].parent / "data").rename(moved)
    done = cdedge("convert", imported[1], "--to", to, "--root", moved)
    (following,) = re.findall(r"^next: cdedge (.*)$", done.stderr, re.MULTILINE)
    again = json.loads(cdedge(*shlex.split(following), "--json").stdout)
    before = json.loads(cdedge("compare", imported[1], "--root", moved, "--json").stdout)
    assert again["auc"] == before["trackers"][0]["auc"]


def test_a_layout_that_is_not_read_back_has_no_next(cdedge, imported):
    done = cdedge("convert", imported[0], "--to", "vot")
    assert (done.returncode, "next:" in done.stderr) == (0, False)


@pytest.mark.parametrize(
    ("reasons", "kind"),
    [
        (("RuntimeError: can't start new thread", "MemoryError: "), BadEnvironment),
        (("RuntimeError: can't start new thread", "a.png: damaged"), CdedgeError),
    ],
)
def test_failures_that_the_machine_caused_are_told_as_that(reasons: tuple[str, ...], kind: type[CdedgeError]) -> None:
    failures = {name: Failure("process", reason, None) for name, reason in zip("AB", reasons, strict=True)}
    with pytest.raises(CdedgeError, match="2 failed") as caught:
        raise_failures(failures)
    assert type(caught.value) is kind
