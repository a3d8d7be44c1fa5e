"""NanoTrack by OpenCV, as `--tracker opencv:Nano` runs it, where its networks and a sequence are at hand."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from cdedge.evaluation.datasets import load_dataset
from cdedge.evaluation.peers import Peer, check_peer
from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadEnvironment, BadModel

SHARED = Path(__file__).parents[2].parent / "shared"
FILES = tuple(str(SHARED / "weights" / "peers" / f"nanotrack_{part}_sim.onnx") for part in ("backbone", "head"))
ROOT = SHARED / "sequences" / "OTB100"

pytestmark = pytest.mark.skipif(
    not (Path(FILES[0]).is_file() and (ROOT / "Crossing").is_dir()), reason="NanoTrack's files are not here"
)


@pytest.fixture(autouse=True)
def _opencv_has_it() -> None:
    try:
        check_peer("Nano", FILES)
    except BadEnvironment as error:
        pytest.skip(str(error))


def test_it_follows_crossing_and_says_how_sure_it_is() -> None:
    (sequence,) = load_dataset("otb", ROOT, ("Crossing",)).sequences
    frames = list(islice(sequence.frames(), 30))
    peer = Peer("Nano", FILES)
    assert peer.init(frames[0], sequence.first_box).score == 1
    found = [peer.update(frame) for frame in frames[1:]]
    assert found[-1].box.iou(Box(*map(float, sequence.boxes[29]))) > 0.5
    assert all(0.5 < estimate.score < 1 for estimate in found)


def test_its_files_in_the_wrong_order_are_a_bad_model() -> None:
    (sequence,) = load_dataset("otb", ROOT, ("Crossing",)).sequences
    with pytest.raises(BadModel, match="backbone, neckhead"):
        Peer("Nano", FILES[::-1]).init(next(sequence.frames()), sequence.first_box)
