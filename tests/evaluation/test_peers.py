"""OpenCV's trackers behind our two methods."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import pytest

from cdedge.evaluation import peers
from cdedge.evaluation.peers import Peer, check_peer
from cdedge_runtime.errors import BadEnvironment, BadInput, BadModel, Usage
from tests.conftest import MovingSquare


def peer_or_skip(name):
    try:
        check_peer(name, ())
    except BadEnvironment as error:
        pytest.skip(str(error))
    return Peer(name)


# MIL draws its samples by the clock, so it may be some pixels off.
@pytest.mark.parametrize(("name", "overlap"), [("CSRT", 0.7), ("KCF", 0.7), ("MIL", 0.3), ("MOSSE", 0.7)])
def test_a_peer_follows_a_slow_square(name, overlap):
    peer = peer_or_skip(name)
    clip = MovingSquare(size=(64, 60), frame=(240, 300), speed=(1, 1))
    first = peer.init(clip.frame(0), clip.box(0))
    assert (first.box, first.lost) == (clip.box(0), False)
    for index in range(1, 4):
        estimate = peer.update(clip.frame(index))
        assert estimate.box.iou(clip.box(index)) > overlap
        assert (estimate.score, estimate.lost) == (1, False)


class Finds:
    """A stand-in for OpenCV's tracker that loses its target in the second update."""

    def __init__(self):
        self.answers = iter([(True, (1, 2, 30, 40)), (False, (0, 0, 0, 0))])

    def init(self, _frame, box):
        self.start = box

    def update(self, _frame):
        return next(self.answers)


def test_a_peer_that_finds_nothing_keeps_its_last_box_and_is_lost(moving_square, monkeypatch):
    monkeypatch.setattr(cv2, "TrackerKCF_create", Finds)
    peer = Peer("KCF")
    peer.init(moving_square.frame(0), moving_square.box(0))
    found, lost = peer.update(moving_square.frame(1)), peer.update(moving_square.frame(2))
    assert (found.box, found.lost) != (lost.box, lost.lost)
    assert (found.box, found.score, lost.score, lost.lost) == (lost.box, 1, 0, True)


def test_a_box_that_opencv_refuses_is_bad_input(moving_square, monkeypatch):
    monkeypatch.setattr(Finds, "init", lambda *_: False)
    monkeypatch.setattr(cv2, "TrackerKCF_create", Finds)
    with pytest.raises(BadInput, match="refuses"):
        Peer("KCF").init(moving_square.frame(0), moving_square.box(0))


def test_a_build_without_the_tracker_says_what_to_install(monkeypatch):
    monkeypatch.delattr(cv2, "TrackerCSRT_create", raising=False)
    monkeypatch.delattr(cv2, "legacy", raising=False)
    with pytest.raises(BadEnvironment, match="opencv-contrib-python-headless"):
        check_peer("CSRT", ())


@pytest.mark.parametrize(
    ("name", "files", "message"),
    [
        ("Nano", ("a",), "backbone, neckhead"),
        ("CSRT", ("a",), "no --peer-model"),
        ("SORT", (), "CSRT, KCF, MOSSE"),
    ],
)
def test_unknown_names_and_wrong_files_are_usage_errors(name, files, message):
    with pytest.raises(Usage, match=message):
        check_peer(name, files)


def test_a_file_that_is_no_network_is_a_bad_model(tmp_path):
    path = tmp_path / "vit.onnx"
    path.write_bytes(b"no network")
    check_peer("Vit", (str(path),))
    with pytest.raises(BadModel, match=r"vit\.onnx"):
        Peer("Vit", (str(path),))


class Confused:
    """A stand-in for a network tracker whose files load but do not fit each other."""

    def init(self, _frame, _box):
        raise cv2.error("no such input")


def test_networks_that_load_but_do_not_fit_are_a_bad_model(moving_square, monkeypatch):
    monkeypatch.setattr(cv2, "TrackerNano_create", lambda _settings: Confused())
    peer = Peer("Nano", ("head.onnx", "backbone.onnx"))
    with pytest.raises(BadModel, match=r"head\.onnx, backbone\.onnx.*backbone, neckhead: .*no such input"):
        peer.init(moving_square.frame(0), moving_square.box(0))


class Sure(Finds):
    def getTrackingScore(self):  # noqa: N802 - OpenCV's name
        return 0.875


def test_a_network_tracker_says_its_own_score(moving_square, monkeypatch):
    monkeypatch.setattr(cv2, "TrackerNano_create", lambda _settings: Sure())
    peer = Peer("Nano", ("backbone.onnx", "head.onnx"))
    assert peer.init(moving_square.frame(0), moving_square.box(0)).score == 1
    assert peer.update(moving_square.frame(1)).score == 0.875


def test_the_usual_peer_is_one_that_this_opencv_has(monkeypatch):
    plain = SimpleNamespace(TrackerMIL_create=None, __version__="5")
    monkeypatch.setattr(peers, "cv2", plain)
    assert peers.usual_peer() == "MIL"
    plain.TrackerCSRT_create = None
    assert peers.usual_peer() == "MIL"
    plain.TrackerCSRT_create = object
    assert peers.usual_peer() == "CSRT"
