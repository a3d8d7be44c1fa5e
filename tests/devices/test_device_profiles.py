"""Shipped device profiles are complete and sourced; a bad profile is refused by file and field."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

import cdedge_devices
from cdedge_devices import BadProfile, Fact, load, names

EXPECTED = {
    "jetson-nano",
    "jetson-xavier-nx",
    "jetson-orin-nano",
    "jetson-orin-nx",
    "jetson-agx-orin",
    "raspberry-pi-4",
    "raspberry-pi-5",
    "x86-64",
}
GOOD = """\
schema = 1
id = "toy"
name = "Toy"
family = "x86"
notes = "none"
default_power_mode = "base"

[sources]
sheet = "Toy data sheet"

[memory]
variants_bytes = { value = [1073741824, 2147483648], source = "sheet" }
shared_with_gpu = { value = true, source = "sheet" }
bandwidth_bytes_per_s = { value = 1e9, source = "sheet", derived = "4 bytes x 250 MHz" }

[cpu]
name = { value = "Toy core", source = "sheet" }
architecture = { value = "aarch64", source = "sheet" }
cores = { value = 4, source = "sheet" }
max_clock_hz = { value = 2e9, source = "sheet" }
fp32_flops_per_cycle = { value = 8, source = "sheet" }

[gpu]
name = { value = "Toy GPU", source = "sheet" }
cuda_cores = { value = 128, source = "sheet" }
max_clock_hz = { value = 1e9, source = "sheet" }

[[power_modes]]
name = "base"
cores = 4
cpu_clock_hz = 2e9
source = "sheet"

[[power_modes]]
name = "low"
nvpmodel_id = 1
cores = 2
cpu_clock_hz = 1e9
source = "sheet"

[[software]]
system = "Linux"
python = "3.10"
provider = "cpu"
works = true
install = "pip install 'WHEEL[device]'"
source = "sheet"

[[known_bad]]
package = "onnxruntime"
version = "1.21.0"
reason = "dies"
source = "sheet"
"""
SPOILED = [
    ("schema = 1", "schema = 2", "schema"),
    ('id = "toy"', "", "id: is missing"),
    ('name = "Toy"', 'name = " "', "name"),
    ('[sources]\nsheet = "Toy data sheet"', "[sources]", "sources"),
    ('sheet = "Toy data sheet"', "sheet = 3", "sources.sheet"),
    ("1073741824, 2147483648", "-1", "memory.variants_bytes.value"),
    ("1073741824, 2147483648", "", "memory.variants_bytes.value"),
    ("1073741824, 2147483648", "2147483648, 1073741824", "memory.variants_bytes.value"),
    ("1073741824, 2147483648", "1073741824.5", "memory.variants_bytes.value"),
    ("{ value = true,", "{ value = 1,", "memory.shared_with_gpu.value"),
    ("value = 1e9, source", "value = -1e9, source", "memory.bandwidth_bytes_per_s.value"),
    ("value = 1e9, source", "value = nan, source", "memory.bandwidth_bytes_per_s.value"),
    ("cores = { value = 4,", "cores = { value = 0,", "cpu.cores.value"),
    ("cores = { value = 4,", "cores = { value = true,", "cpu.cores.value"),
    ("cores = { value = 4,", 'cores = { value = "4",', "cpu.cores.value"),
    ("cores = { value = 4, source", "cores = { value = 4, sauce", "cpu.cores.source: is missing"),
    ('cores = { value = 4, source = "sheet"', 'cores = { value = 4, source = "web"', "cpu.cores.source"),
    ('cores = { value = 4, source = "sheet" }', "cores = 4", "cpu.cores: expected a table"),
    ("max_clock_hz = { value = 2e9", "max_clock_hz = { value = 2e10", "cpu.max_clock_hz.value"),
    ("max_clock_hz = { value = 2e9", "clock_hz = { value = 2e9", "cpu.max_clock_hz: is missing"),
    ('derived = "4 bytes', 'formula = "4 bytes', "memory.bandwidth_bytes_per_s.formula: unknown"),
    ("cuda_cores = { value = 128", "cuda_cores = { value = 0", "gpu.cuda_cores.value"),
    ("nvpmodel_id = 1", "nvpmodell_id = 1", "power_modes[1].nvpmodell_id: unknown"),
    ("cpu_clock_hz = 1e9", "cpu_clock_hz = 3e9", "power_modes[1].cpu_clock_hz"),
    ("cores = 2", "cores = 5", "power_modes[1].cores"),
    ('name = "low"', 'name = "base"', "power_modes"),
    ('default_power_mode = "base"', 'default_power_mode = "turbo"', "default_power_mode"),
    ("[[power_modes]]\nname", "[power_modes]\nname", "not TOML"),
    ('provider = "cpu"', 'provider = "gpu"', "software[0].provider"),
    ("works = true", 'works = "yes"', "software[0].works"),
    ("[[software]]", "[[soft]]", "soft: unknown"),
    (GOOD[GOOD.index("[[software]]") : GOOD.index("[[known_bad]]")], "", "software: is missing"),
    ("[[known_bad]]", "[[known_worse]]", "known_worse: unknown"),
    ("[[known_bad]]", "[extra]", "extra: unknown"),
]


def facts(record: object, path: str = "") -> list[tuple[str, Fact]]:
    if isinstance(record, Fact):
        return [(path, record)]
    if not dataclasses.is_dataclass(record):
        return []
    return [
        found
        for field in dataclasses.fields(record)
        for found in facts(getattr(record, field.name), f"{path}.{field.name}")
    ]


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "toy.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_promised_profiles_ship():
    assert set(names()) == EXPECTED
    assert list(names()) == sorted(names())


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_shipped_profile_loads_and_every_source_is_listed_and_used(name):
    profile = load(name)
    assert profile.id == name
    used = {fact.source for _, fact in facts(profile)}
    for rows in (profile.power_modes, profile.software, profile.known_bad):
        used |= {row.source for row in rows}
    assert used == set(profile.sources)
    assert len(facts(profile)) >= 7


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_shipped_profile_is_plain_json(name):
    text = json.dumps(dataclasses.asdict(load(name)))
    assert json.loads(text)["cpu"]["cores"]["source"] in load(name).sources


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_profile_names_no_host_and_says_how_to_run_on_the_cpu(name):
    profile = load(name)
    text = json.dumps(dataclasses.asdict(profile))
    assert "://" not in text
    assert "www." not in text
    assert any(row.works and row.provider == "cpu" for row in profile.software)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_an_install_text_asks_no_index_for_cdedge(name):
    """No index has it: what is installed is the wheel, and one text says where that comes from."""
    texts = [software.install for software in load(name).software]
    assert not [text for text in texts if "install cdedge" in text or "'cdedge" in text]
    assert any("'WHEEL[device]'" in text for text in texts)
    assert "WHEEL" in cdedge_devices.HOW_TO_INSTALL
    assert "cdedge bundle" in cdedge_devices.HOW_TO_INSTALL


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_derived_gpu_peak_follows_its_formula(name):
    gpu = load(name).gpu
    if gpu is not None and gpu.fp32_flops is not None:
        expected = gpu.cuda_cores.value * gpu.max_clock_hz.value * 2
        assert gpu.fp32_flops.value == pytest.approx(expected, rel=1e-3)


def test_known_facts():
    nano = load("jetson-nano")
    assert nano.cpu.cores.value == 4
    assert max(nano.memory.variants_bytes.value) == 4 * 2**30
    assert nano.power_mode("5W").cores == 2
    assert nano.cpu_peak_flops("5W") == 2 * 918e6 * 8
    assert load("jetson-xavier-nx").cpu_peak_flops() is None


def test_python_3_6_gpu_on_the_nano_is_said_not_to_work():
    gpu = [row for row in load("jetson-nano").software if row.provider == "cuda"]
    assert gpu
    assert not any(row.works for row in gpu)


def test_profiles_are_loaded_by_path(tmp_path):
    profile = load(written(tmp_path, GOOD))
    assert profile.id == "toy"
    assert profile == load(str(tmp_path / "toy.toml"))
    assert profile.memory.bandwidth_bytes_per_s == Fact(1e9, "sheet", "4 bytes x 250 MHz")
    assert profile.power_mode().name == "base"
    assert profile.cpu_peak_flops("low") == 2 * 1e9 * 8


def test_a_profile_needs_neither_gpu_nor_bandwidth(tmp_path):
    text = GOOD[: GOOD.index("[gpu]")] + GOOD[GOOD.index("[[power_modes]]") :]
    text = "\n".join(line for line in text.splitlines() if "bandwidth" not in line and "flops" not in line)
    profile = load(written(tmp_path, text))
    assert profile.gpu is None
    assert profile.memory.bandwidth_bytes_per_s is None
    assert profile.cpu_peak_flops() is None


@pytest.mark.parametrize(("old", "new", "field"), SPOILED, ids=[field for _, _, field in SPOILED])
def test_a_bad_profile_is_refused_by_file_and_field(tmp_path, old, new, field):
    assert old in GOOD
    with pytest.raises(BadProfile) as refusal:
        load(written(tmp_path, GOOD.replace(old, new, 1)))
    assert "toy.toml" in str(refusal.value)
    assert field in str(refusal.value)


@pytest.mark.parametrize(
    ("asked", "suggested"),
    [("jetson-nan", "jetson-nano"), ("Raspberry-Pi5", "raspberry-pi-5"), ("orin-nx", "jetson-orin-nx")],
)
def test_unknown_name_suggests_the_nearest(asked, suggested):
    with pytest.raises(BadProfile, match=f"did you mean '{suggested}'") as refusal:
        load(asked)
    assert all(name in str(refusal.value) for name in names())


@pytest.mark.parametrize("asked", ["", "zzzzzzzz", "../profiles/jetson-nano", "/etc/passwd"])
def test_hopeless_name_lists_what_there_is(asked):
    with pytest.raises(BadProfile, match="choose jetson-agx-orin"):
        load(asked)


def test_unreadable_files_are_refused(tmp_path):
    with pytest.raises(BadProfile, match="cannot be read"):
        load(tmp_path / "absent.toml")
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    with pytest.raises(BadProfile, match="cannot be read"):
        load(folder)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadProfile, match="UTF-8"):
        load(binary)


def test_unknown_power_mode_lists_the_modes():
    with pytest.raises(BadProfile, match="MAXN, 5W"):
        load("jetson-nano").power_mode("40W")


def test_public_names_exist():
    assert all(hasattr(cdedge_devices, name) for name in cdedge_devices.__all__)


def test_import_needs_the_standard_library_only():
    code = (
        "import sys, cdedge_devices as d; d.load('jetson-nano'); "
        "heavy = {'numpy', 'torch', 'onnxruntime', 'cv2', 'typer', 'rich', 'cdedge_runtime'}; "
        "print(heavy & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_documented_profile_loads(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "guides" / "devices.md").read_text(encoding="utf-8")
    example = text.split("```toml\n")[1].split("```")[0]
    assert load(written(tmp_path, example)).id == "my-board"


@pytest.mark.parametrize("family", ["jetson", "raspberry-pi", "x86"])
def test_every_family_has_a_recipe_that_says_what_was_not_run(family):
    folder = Path(__file__).parents[2] / "devices" / family
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert "by us" in readme
    assert "FROM " in (folder / "Dockerfile").read_text(encoding="utf-8")
    assert family in {load(name).family for name in names()}
