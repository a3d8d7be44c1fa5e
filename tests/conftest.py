"""Small models and videos that the tests make for themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import settings

from cdedge_runtime.box import Box
from cdedge_runtime.model.contract import InputConvention, ModelSpec, Selection, SourceInfo, Tap, WeightsInfo
from cdedge_runtime.model.metadata import seal, to_metadata
from cdedge_runtime.trackers.deepcd.settings import Settings

# Everybody's run tries the same examples; CONTRIBUTING.md says how to look further.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("further", max_examples=1000, deadline=None)
settings.load_profile("same")

CHANNELS = 6


def make_spec(**changes: object) -> ModelSpec:
    """A contract for the tiny model; any field can be changed."""
    values: dict[str, object] = {
        "tracker": "deepcd",
        "backbone": "vgg19",
        "taps": (Tap("11", tuple(range(CHANNELS)), 64),),
        "mode": "exact",
        "subsample": 1,
        "input_px": (64, 64),
        "grid": (32, 32),
        "convention": InputConvention("BGR", 1.0, (103.939, 116.779, 123.68), (1.0, 1.0, 1.0)),
        "settings": Settings(),
        "weights": WeightsInfo("tiny", "ab" * 32, "Apache-2.0"),
        "selection": Selection("rel", "reduced", "auto", 0, 2.0, 1.0),
        "source": SourceInfo("clip", "cd" * 32, (10.0, 20.0, 30.0, 40.0)),
        "macs": 1000,
        "weight_bytes": 648,
        "activation_bytes": 4096,
        "producer": "cdedge test",
    }
    return ModelSpec(**{**values, **changes})  # type: ignore[arg-type]


def tiny_model_bytes(spec: ModelSpec, metadata: dict[str, str] | None = None) -> bytes:
    """A 3x3 convolution with ReLU and 2x2 average pooling, sealed, with the contract ``spec``."""
    onnx = pytest.importorskip("onnx", reason="the tiny model is built with onnx")
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    weight = (rng.standard_normal((CHANNELS, 3, 3, 3)) * 0.1).astype(np.float32)
    mean = np.array(spec.convention.mean, np.float32).reshape(1, 3, 1, 1)
    nodes = [
        helper.make_node("Transpose", ["patch"], ["chw"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["chw"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["pixels", "mean"], ["centred"]),
        helper.make_node("Conv", ["centred", "weight"], ["conv"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["conv"], ["relu"]),
        helper.make_node("AveragePool", ["relu"], ["features"], kernel_shape=[2, 2], strides=[2, 2]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("patch", TensorProto.UINT8, [1, *spec.input_px, 3])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, CHANNELS, *spec.grid])],
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(mean, "mean")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, to_metadata(spec) if metadata is None else metadata)
    onnx.checker.check_model(model)
    return seal(model.SerializeToString())


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of a model file that the runtime accepts."""
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    path.write_bytes(tiny_model_bytes(make_spec()))
    return path


class MovingSquare:
    """A textured square on a textured ground, with its exact box per frame."""

    def __init__(
        self,
        frames: int = 12,
        size: tuple[int, int] = (24, 20),
        frame: tuple[int, int] = (160, 200),
        speed: tuple[float, float] = (3, 2),
    ) -> None:
        rng = np.random.default_rng(5)
        self.count, self.size, self._speed = frames, size, speed
        self._ground = cv2.GaussianBlur(rng.integers(0, 255, (*frame, 3), np.uint8), (0, 0), 5)
        self._target = cv2.resize(rng.integers(0, 255, (5, 6, 3), np.uint8), size, interpolation=cv2.INTER_LINEAR)

    def box(self, index: int) -> Box:
        """Exact box of a frame."""
        return Box(40 + round(self._speed[0] * index), 50 + round(self._speed[1] * index), *self.size)

    def frame(self, index: int) -> np.ndarray:
        """(H, W, 3) uint8 BGR."""
        picture, box = self._ground.copy(), self.box(index)
        x, y = int(box.x), int(box.y)
        picture[y : y + self.size[1], x : x + self.size[0]] = self._target
        return picture

    def zoomed(self, zoom: float) -> np.ndarray:
        """The first frame enlarged about the target's centre."""
        x, y = self.box(0).center
        around = cv2.getRotationMatrix2D((x - 0.5, y - 0.5), 0, zoom)
        return cv2.warpAffine(self.frame(0), around, (200, 160), borderMode=cv2.BORDER_REPLICATE)

    def save(self, folder: Path) -> Path:
        """Write the frames as img/0001.png .. and a 1-based groundtruth_rect.txt."""
        (folder / "img").mkdir(parents=True)
        lines = []
        for index in range(self.count):
            cv2.imwrite(str(folder / "img" / f"{index + 1:04d}.png"), self.frame(index))
            box = self.box(index)
            lines.append(f"{box.x + 1:g},{box.y + 1:g},{box.width:g},{box.height:g}\n")
        (folder / "groundtruth_rect.txt").write_text("".join(lines))
        return folder


@pytest.fixture
def moving_square() -> MovingSquare:
    """Twelve frames of a moving textured square."""
    return MovingSquare()


@pytest.fixture
def square_folder(moving_square: MovingSquare, tmp_path: Path) -> Path:
    """The moving square as an OTB sequence folder."""
    return moving_square.save(tmp_path / "Square")


@pytest.fixture
def square_video(tmp_path: Path) -> Callable[[int], Path]:
    """A function that writes the moving square as an MJPG video of so many frames."""

    def write(frames: int) -> Path:
        path, clip = tmp_path / "square.avi", MovingSquare(frames, speed=(1, 1))
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (200, 160))
        for index in range(frames):
            writer.write(clip.frame(index))
        writer.release()
        return path

    return write


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def cdedge(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """The command line's entry point, called in this process (importing PyTorch once, not per test)."""

    def run(*arguments: object, cwd: Path | None = None) -> Done:
        from cdedge.__main__ import main

        monkeypatch.setattr("sys.argv", ["cdedge", *map(str, arguments)])
        if cwd is not None:
            monkeypatch.chdir(cwd)
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 0
        shown = capsys.readouterr()
        return Done(code, shown.out, shown.err)

    return run
