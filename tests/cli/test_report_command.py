"""``cdedge report`` as a user runs it, at the desk and on a device."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Done

Run = Callable[..., Done]


@pytest.fixture
def saved(cdedge: Run, tiny_model: Path, square_folder: Path, tmp_path: Path) -> Path:
    done = cdedge("bench", tiny_model, square_folder, "--threads", 1, "--json")
    assert done.returncode == 0, done.stderr
    path = tmp_path / "bench.json"
    path.write_text(done.stdout)
    return path


def test_a_page_of_a_distilled_model_has_its_channels(cdedge: Run, square_folder: Path, tmp_path: Path) -> None:
    model, page = tmp_path / "m.onnx", tmp_path / "page.html"
    assert cdedge("export", square_folder, "-o", model).returncode == 0
    done = cdedge("report", model, square_folder, "-o", page, "--threads", 1, "--repeat", 1, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer == {
        "schema": "cdedge.report/1",
        "page": str(page),
        "bytes": page.stat().st_size,
        "left_out": {},
    }
    assert page.read_text().count('alt="channel ') == 64
    assert "Predicted</button>" in page.read_text()
    assert "never lost in 12 frames" in page.read_text()


def test_a_saved_benchmark_is_shown_and_pictures_that_cannot_be_are_explained(
    cdedge: Run, tiny_model: Path, saved: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    done = cdedge("report", tiny_model, "-o", page, "--bench", saved)
    assert done.returncode == 0, done.stderr
    assert "left out: pictures of pruned channels" in done.stderr
    assert "the full network needs those the file was made from: tiny" in page.read_text()
    assert page.read_text().count('alt="channel ') == 6
    assert "Square" in page.read_text()


def test_where_the_frames_are_gone_the_page_says_that_no_tracking_is_shown(
    cdedge: Run, tiny_model: Path, saved: Path, square_folder: Path, tmp_path: Path
) -> None:
    square_folder.rename(tmp_path / "gone")
    done = cdedge("report", tiny_model, "-o", tmp_path / "page.html", "--bench", saved, "--json")
    assert done.returncode == 0, done.stderr
    assert "no such file or folder" in json.loads(done.stdout)["left_out"]["the tracking"]
    assert 'id="tracking"' not in (tmp_path / "page.html").read_text()


def test_a_device_without_torch_says_so(
    cdedge: Run, tiny_model: Path, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("cdedge_export")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    page = tmp_path / "page.html"
    done = cdedge("report", tiny_model, "-o", page, "--bench", saved, "--weights", "bundled")
    assert done.returncode == 0, done.stderr
    assert "torch is not installed" in page.read_text()
    assert page.read_text().count('alt="channel ') == 6
    assert "--bench" in page.read_text()


def test_weights_that_are_named_have_to_fit(cdedge: Run, tiny_model: Path, saved: Path, tmp_path: Path) -> None:
    done = cdedge("report", tiny_model, "-o", tmp_path / "p.html", "--bench", saved, "--weights", "bundled")
    assert done.returncode == 2
    assert "weights the file was made from" in done.stderr
    assert not (tmp_path / "p.html").exists()


def test_a_benchmark_of_another_model_is_refused(cdedge: Run, tiny_model: Path, saved: Path, tmp_path: Path) -> None:
    answer = json.loads(saved.read_text())
    saved.write_text(json.dumps({**answer, "model_sha256": "00" * 32}))
    done = cdedge("report", tiny_model, "-o", tmp_path / "p.html", "--bench", saved)
    assert done.returncode == 1
    assert "measured with another file" in done.stderr
