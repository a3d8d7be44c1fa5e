"""OTB (Wu et al., Object Tracking Benchmark, 2015): NAME/img/0001.jpg, NAME/groundtruth_rect.txt, 1-based.

Tiger1 is evaluated from its first annotated frame: frame 1 where there are 354 rows (as the benchmark's site and
got10k do), frame 6 where there are 349 (pytracking's choice).

Attributes are those that OTB's authors gave the 100 targets (data/tb_100.txt of their tracker_benchmark): IV
illumination, SV scale, OCC occlusion, DEF deformation, MB motion blur, FM fast motion, IPR, OPR in-plane and out-of-
plane rotation, OV out of view, BC background clutter, LR low resolution.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

from cdedge.evaluation.datasets.assemble import Entry, assemble
from cdedge.evaluation.result_files import name_key
from cdedge.evaluation.sequence import Sequence
from cdedge_runtime.errors import BadInput
from cdedge_runtime.sources.annotations import annotated_images, sequence_images, visible
from cdedge_runtime.sources.rows import read_lines, read_rows

OTB_ATTRIBUTES = {
    "Basketball": "IV OCC DEF OPR BC",
    "Biker": "SV OCC MB FM OPR OV LR",
    "Bird1": "DEF FM OV",
    "Bird2": "OCC DEF FM IPR OPR",
    "BlurBody": "SV DEF MB FM IPR",
    "BlurCar1": "MB FM",
    "BlurCar2": "SV MB FM",
    "BlurCar3": "MB FM",
    "BlurCar4": "MB FM",
    "BlurFace": "MB FM IPR",
    "BlurOwl": "SV MB FM IPR",
    "Board": "SV MB FM OPR OV BC",
    "Bolt": "OCC DEF IPR OPR",
    "Bolt2": "DEF BC",
    "Box": "IV SV OCC MB IPR OPR OV BC LR",
    "Boy": "SV MB FM IPR OPR",
    "Car1": "IV SV MB FM BC LR",
    "Car2": "IV SV MB FM BC",
    "Car24": "IV SV BC",
    "Car4": "IV SV",
    "CarDark": "IV BC",
    "CarScale": "SV OCC FM IPR OPR",
    "ClifBar": "SV OCC MB FM IPR OV BC",
    "Coke": "IV OCC FM IPR OPR BC",
    "Couple": "SV DEF FM OPR BC",
    "Coupon": "OCC BC",
    "Crossing": "SV DEF FM OPR BC",
    "Crowds": "IV DEF BC",
    "Dancer": "SV DEF IPR OPR",
    "Dancer2": "DEF",
    "David": "IV SV OCC DEF MB IPR OPR",
    "David2": "IPR OPR",
    "David3": "OCC DEF OPR BC",
    "Deer": "MB FM IPR BC LR",
    "Diving": "SV DEF IPR",
    "Dog": "SV DEF OPR",
    "Dog1": "SV IPR OPR",
    "Doll": "IV SV OCC IPR OPR",
    "DragonBaby": "SV OCC MB FM IPR OPR OV",
    "Dudek": "SV OCC DEF FM IPR OPR OV BC",
    "FaceOcc1": "OCC",
    "FaceOcc2": "IV OCC IPR OPR",
    "Fish": "IV",
    "FleetFace": "SV DEF MB FM IPR OPR",
    "Football": "OCC IPR OPR BC",
    "Football1": "IPR OPR BC",
    "Freeman1": "SV IPR OPR",
    "Freeman3": "SV IPR OPR",
    "Freeman4": "SV OCC IPR OPR",
    "Girl": "SV OCC IPR OPR",
    "Girl2": "SV OCC DEF MB OPR",
    "Gym": "SV DEF IPR OPR",
    "Human2": "IV SV MB OPR",
    "Human3": "SV OCC DEF OPR BC",
    "Human4-2": "IV SV OCC DEF",
    "Human5": "SV OCC DEF",
    "Human6": "SV OCC DEF FM OPR OV",
    "Human7": "IV SV OCC DEF MB FM",
    "Human8": "IV SV DEF",
    "Human9": "IV SV DEF MB FM",
    "Ironman": "IV SV OCC MB FM IPR OPR OV BC LR",
    "Jogging-1": "OCC DEF OPR",
    "Jogging-2": "OCC DEF OPR",
    "Jump": "SV OCC DEF MB FM IPR OPR",
    "Jumping": "MB FM",
    "KiteSurf": "IV OCC IPR OPR",
    "Lemming": "IV SV OCC FM OPR OV",
    "Liquor": "IV SV OCC MB FM OPR OV BC",
    "Man": "IV",
    "Matrix": "IV SV OCC FM IPR OPR BC",
    "Mhyang": "IV DEF OPR BC",
    "MotorRolling": "IV SV MB FM IPR BC LR",
    "MountainBike": "IPR OPR BC",
    "Panda": "SV OCC DEF IPR OPR OV LR",
    "RedTeam": "SV OCC IPR OPR LR",
    "Rubik": "SV OCC IPR OPR",
    "Shaking": "IV SV IPR OPR BC",
    "Singer1": "IV SV OCC OPR",
    "Singer2": "IV DEF IPR OPR BC",
    "Skater": "SV DEF IPR OPR",
    "Skater2": "SV DEF FM IPR OPR",
    "Skating1": "IV SV OCC DEF OPR BC",
    "Skating2-1": "SV OCC DEF FM OPR",
    "Skating2-2": "SV OCC DEF FM OPR",
    "Skiing": "IV SV DEF IPR OPR",
    "Soccer": "IV SV OCC MB FM IPR OPR BC",
    "Subway": "OCC DEF BC",
    "Surfer": "SV FM IPR OPR LR",
    "Suv": "OCC IPR OV",
    "Sylvester": "IV IPR OPR",
    "Tiger1": "IV OCC DEF MB FM IPR OPR",
    "Tiger2": "IV OCC DEF MB FM IPR OPR OV",
    "Toy": "SV FM IPR OPR",
    "Trans": "IV SV OCC DEF",
    "Trellis": "IV SV IPR OPR BC",
    "Twinnings": "SV OPR",
    "Vase": "SV FM IPR",
    "Walking": "SV OCC DEF",
    "Walking2": "SV OCC LR",
    "Woman": "IV SV OCC DEF MB FM OPR",
}
LAYOUT = "NAME/img/0001.jpg and NAME/groundtruth_rect.txt"
_LISTS = ("tb_100.txt", "tb_50.txt", "cvpr13.txt")
_ONLY_SECOND_TARGET = "Human4"


def entries(root: Path) -> list[Entry]:
    """Targets under ``root``, by name."""
    attributes = _attributes(root)
    found = []
    for folder in sorted(p for p in root.iterdir() if p.is_dir()):
        for path in _box_files(folder):
            name = _target_name(path)
            labels = _own_attributes(folder) or attributes.get(name_key(name), ())
            found.append(Entry(name, partial(_load, name, path, labels)))
    return found


def _box_files(folder: Path) -> list[Path]:
    files = visible(folder, "groundtruth_rect*.txt")
    if folder.name == _ONLY_SECOND_TARGET:
        files = [p for p in files if p.name.endswith(".2.txt")] or files
    numbered = [p for p in files if re.search(r"\.\d\.txt$", p.name)]
    return numbered or files


def _target_name(path: Path) -> str:
    target = re.search(r"\.(\d)\.txt$", path.name)
    return f"{path.parent.name}-{target[1]}" if target else path.parent.name


def _load(name: str, path: Path, attributes: tuple[str, ...]) -> Sequence:
    rows = read_rows(path)
    images = annotated_images(path, sequence_images(path.parent), len(rows))
    return replace(assemble(name, images, rows, origin=1), attributes=attributes)


def _own_attributes(folder: Path) -> tuple[str, ...]:
    path = folder / "attrs.txt"
    return _labels(read_lines(path)[0]) if path.is_file() else ()


def _attributes(root: Path) -> dict[str, tuple[str, ...]]:
    """Attributes by name key: the benchmark's table, overruled by a list file in the root."""
    table = {name_key(name): _labels(text) for name, text in OTB_ATTRIBUTES.items()}
    for path in (root / name for name in reversed(_LISTS)):
        if path.is_file():
            table.update(_listed(path))
    return table


def _listed(path: Path) -> dict[str, tuple[str, ...]]:
    pairs = (line.split(None, 1) for line in read_lines(path))
    return {name_key(pair[0]): _labels(pair[1]) for pair in pairs if len(pair) == 2}


def _labels(text: str) -> tuple[str, ...]:
    labels = tuple(re.findall(r"[A-Z]+", text))
    if not labels:
        raise BadInput(f"expected attributes such as 'IV, OCC', got {text!r}")
    return labels
