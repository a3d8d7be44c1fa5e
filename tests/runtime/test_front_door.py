"""``import cdedge_runtime`` and ``import cdedge``: what they give and load, and what they say to wrong arguments."""

from __future__ import annotations

import copy
import inspect
import math
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module, metadata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cdedge
import cdedge_runtime
from cdedge_runtime import Box, as_box, errors, open_source, open_tracker
from cdedge_runtime.errors import BadInput, BadModel, CdedgeError
from cdedge_runtime.image import LARGEST_SIDE_PX, first_frame, to_bgr
from cdedge_runtime.kinds import find_kind
from tests.conftest import make_spec, tiny_model_bytes

BOX = (40.0, 50.0, 24.0, 20.0)
WRONG_FRAMES = [
    None,
    "frame.png",
    3,
    [[1, 2], [3, 4]],
    np.zeros((40, 50, 3), np.float32),
    np.zeros((40, 50, 3), bool),
    np.zeros((40, 50, 3), np.int8),
    np.zeros((40, 50, 2), np.uint8),
    np.zeros((0, 50, 3), np.uint8),
    np.zeros((40, 0), np.uint8),
    np.zeros(50, np.uint8),
    np.zeros((), np.uint8),
    np.zeros((1, 40, 50, 3), np.uint8),
    np.array([None], object),
    np.zeros((1, LARGEST_SIDE_PX + 1), np.uint8),
]
WRONG_BOXES = [
    None,
    7,
    "1,2,3,4",
    "abcd",
    b"abcd",
    {1, 2, 3, 4},
    {1: 1, 2: 2, 3: 3, 4: 4},
    (1, 2, 3),
    (1, 2, 3, 4, 5),
    {"x": 1, "y": 2, "w": 3, "h": 4},
    (1, 2, "3", 4),
    (1, 2, None, 4),
    (True, 2, 3, 4),
    (1, 2, 3j, 4),
    (10**400, 2, 3, 4),
    [[1, 2, 3, 4]],
    np.zeros((4, 4)),
    np.array(["1", "2", "3", "4"]),
    np.array([True, True, True, True]),
    object(),
]
CALLED_WITH = {"NotInitialized": (), "MissingExtra": ("onnx is not installed", "export")}
KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, CdedgeError)]


@pytest.mark.parametrize("package", [cdedge_runtime, cdedge])
def test_all_is_what_can_be_imported(package) -> None:
    assert len(set(package.__all__)) == len(package.__all__)
    assert {name: getattr(package, name) for name in package.__all__}.keys() <= set(dir(package))
    assert package.__version__ == metadata.version("cdedge")
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = package.nothing


def test_type_checkers_see_the_same_names() -> None:
    lines = inspect.getsource(cdedge_runtime).splitlines()
    seen = {line.split(" as ")[1] for line in lines if line.startswith("    from .") and " as " in line}
    assert seen | {"__version__"} == set(cdedge_runtime.__all__)


def test_every_error_is_at_the_front_door() -> None:
    assert {kind.__name__ for kind in KINDS} <= set(cdedge_runtime.__all__)


@pytest.mark.parametrize("package", ["cdedge_runtime", "cdedge"])
def test_the_front_door_loads_nothing(package: str) -> None:
    code = (
        f"import sys; before = set(sys.modules); import {package}; "
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "cv2", "onnxruntime", "torch", "typer"} & set(loaded)


@pytest.mark.parametrize("said", [None, "0"])
def test_onnxruntime_does_not_call_home_unless_the_user_says_so(said: str | None) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    if said is not None:
        environment["ORT_DISABLE_TELEMETRY"] = said
    for package in ("cdedge_runtime", "cdedge", "cdedge_export"):
        code = f"import os, {package}; print(os.environ['ORT_DISABLE_TELEMETRY'])"
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == (said or "1")


def test_tracking_writes_nothing_into_an_empty_home(tiny_model: Path, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ORT_"))}
    code = (
        "import sys, numpy as np, cdedge_runtime; tracker = cdedge_runtime.open_tracker(sys.argv[1], threads=1); "
        f"tracker.init(np.zeros((90, 120, 3), np.uint8), {BOX}); tracker.update(np.zeros((90, 120, 3), np.uint8))"
    )
    subprocess.run([sys.executable, "-c", code, tiny_model], env={**environment, "HOME": str(tmp_path)}, check=True)
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize(
    "value",
    [
        BOX,
        list(BOX),
        Box(*BOX),
        *(np.array(BOX, kind) for kind in (np.float16, np.float32, np.float64, np.int8, np.uint16, np.int64)),
        np.array(BOX).reshape(4, 1)[:, 0],
        map(float, BOX),
    ],
)
def test_a_box_of_any_kind(value) -> None:
    box = as_box(value)
    assert box == Box(*BOX)
    assert tuple(box) == box.xywh == BOX
    assert box.xyxy == (40, 50, 64, 70)
    assert all(type(number) is float for number in box)
    assert pickle.loads(pickle.dumps(box)) == box  # noqa: S301 - our own
    assert hash(box) == hash(Box(*BOX))


@given(st.tuples(*[st.floats() | st.integers(-(2**70), 2**70)] * 4))
def test_a_box_holds_its_numbers(numbers) -> None:
    np.testing.assert_array_equal(list(as_box(numbers)), [float(number) for number in numbers])


@pytest.mark.parametrize("value", WRONG_BOXES, ids=repr)
def test_what_is_no_box_is_refused_by_name(value) -> None:
    with pytest.raises(BadInput, match="box: ") as caught:
        as_box(value)
    assert caught.value.field == "box"


def test_a_box_with_too_few_numbers_is_told_how_many() -> None:
    with pytest.raises(BadInput, match="got tuple of 3"):
        as_box((1, 2, 3))


@pytest.mark.parametrize("frame", WRONG_FRAMES, ids=lambda frame: getattr(frame, "shape", None) or repr(frame)[:20])
def test_what_is_no_frame_is_refused_by_name(frame, tiny_model: Path) -> None:
    tracker = open_tracker(str(tiny_model), threads=1)
    with pytest.raises(BadInput, match="frame: expected") as caught:
        tracker.init(frame, BOX)
    assert caught.value.field == "frame"
    good = np.full((90, 120, 3), 7, np.uint8)
    before = tracker.init(good, BOX)
    with pytest.raises(BadInput, match="frame: expected"):
        tracker.update(frame)
    assert tracker.update(good).box.iou(before.box) > 0.5


@pytest.mark.parametrize("name", ["deepcd", "cf2", "eco"])
def test_a_frame_of_another_size_is_refused_by_name(name: str, tmp_path: Path) -> None:
    """The box would go on in the first frame's coordinates."""
    path = tmp_path / "model.onnx"
    path.write_bytes(tiny_model_bytes(make_spec(tracker=name, settings=find_kind(name).settings())))
    tracker, first = open_tracker(path, threads=1), np.full((90, 120, 3), 7, np.uint8)
    tracker.init(first, BOX)
    for shape in ((120, 90, 3), (90, 121), (45, 60, 4)):
        with pytest.raises(BadInput, match=rf"frame: expected 120x90 px .* got {shape[1]}x{shape[0]}") as caught:
            tracker.update(np.zeros(shape, np.uint8))
        assert caught.value.field == "frame"
    tracker.update(first)
    tracker.init(np.zeros((50, 70, 3), np.uint8), (10, 10, 20, 20))
    tracker.update(np.zeros((50, 70), np.uint8))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)


@contextmanager
def refused(*fields: str) -> Iterator[None]:
    """The block may raise `BadInput`, naming one of the fields."""
    try:
        yield
    except BadInput as error:
        if error.field not in fields:
            raise


@st.composite
def arrays(draw) -> np.ndarray:
    shape = tuple(draw(st.lists(st.integers(0, 6), max_size=4)))
    kind = draw(st.sampled_from(["u1", "<u2", ">u2", "i1", "f4", "f8", "c8", "?", "O", "U3", "M8[s]"]))
    array = np.zeros(shape, kind)
    return array[(slice(None, None, draw(st.sampled_from([1, -1, 2]))),) * array.ndim]


@given(ANYTHING | arrays(), ANYTHING | arrays())
def test_any_frame_and_any_box_are_taken_or_refused(frame, box) -> None:
    with refused("frame", "box"):
        image, target = first_frame(frame, box)
        assert image.dtype == np.uint8
        assert image.shape[2] == 3
        assert all(map(math.isfinite, target))


@given(arrays())
def test_a_frame_that_is_taken_is_bgr(frame) -> None:
    with refused("frame"):
        assert to_bgr(frame).shape == (*frame.shape[:2], 3)


@pytest.mark.parametrize("path", [None, 3, b"m.onnx", ["m.onnx"], "a\0b", object()], ids=repr)
def test_what_is_no_path_is_refused_by_name(path) -> None:
    with pytest.raises(BadInput, match="model: ") as caught:
        open_tracker(path, threads=1)
    assert caught.value.field == "model"
    if path is not None:
        with pytest.raises(BadInput, match="source: ") as caught:
            open_source(path)
        assert caught.value.field == "source"


@given(ANYTHING)
def test_any_path_is_opened_or_refused(path) -> None:
    with refused("model"), suppress(BadModel):
        open_tracker(path, threads=1)


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_survives_pickling(kind) -> None:
    error = kind(*CALLED_WITH.get(kind.__name__, ("what went wrong",)))
    error.field = "box"
    error.__notes__ = ["a note"]
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 - our own
        assert type(again) is kind
        assert (str(again), again.args, again.__dict__) == (str(error), error.args, error.__dict__)
        assert again.exit_code == error.exit_code


def test_the_modules_named_exist() -> None:
    for name, place in cdedge_runtime._PLACES.items():
        assert hasattr(import_module(place), name)
