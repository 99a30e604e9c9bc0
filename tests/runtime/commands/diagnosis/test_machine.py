"""Facts of machines that are folders, and what is noted where there are none."""

import os

import pytest

from edgereader.runtime.commands.diagnosis import machine as module
from edgereader.runtime.commands.diagnosis.machine import (
    clashes,
    cpu_facts,
    jetson_facts,
    memory_facts,
    nvidia_facts,
    opencv_facts,
    package_facts,
    system_facts,
)

from .machines import CONTAINER, JETSON, NVPMODEL, PC, RTX

VERSION_1 = "9223372036854771712"
"""No limit of memory, as groups of version 1 write it."""


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)))


def test_files_are_read_and_what_cannot_be_is_noted_once(make_host):
    host = make_host({"proc/model": "NVIDIA Jetson\0", "a/1/x": "", "a/2/x": "", "x": ""})
    (host.root / "x").write_bytes(b"Orin\xff\n")
    assert [host.read(path) for path in ("proc/model", "x", "proc/none", "proc/model/below")] == [
        "NVIDIA Jetson",
        "Orin\ufffd",
        None,
        None,
    ]
    assert host.find("a/*") == ["a/1", "a/2"]
    assert host.unknown == []
    assert host.read("a") is host.read("a") is None
    assert host.unknown == ["/a: Is a directory"]


def test_commands_are_run_in_english_and_what_fails_is_noted(make_host, command, monkeypatch):
    host = make_host({})
    monkeypatch.setattr(module, "PATIENCE_S", 0.2)
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    command("speak", 'echo "$1 $LC_ALL"')
    assert host.run("speak", "; echo no shell") == "; echo no shell C"
    assert host.run("no-such-command") is None
    assert host.unknown == []
    command("fail", "echo must be root >&2; exit 3")
    command("quiet", "exit 4")
    command("hang", "while :; do :; done")
    command("broken", "")
    (host.root.parent / "commands" / "broken").write_bytes(b"\x7fELF no program")
    assert {host.run("fail", "-q"), host.run("quiet"), host.run("hang"), host.run("broken")} == {None}
    assert host.unknown == [
        "fail -q: must be root",
        "quiet: exit code 4",
        "hang: no answer in 0.2 s",
        "broken: Exec format error",
    ]


def test_commands_for_administrators_are_found(make_host, tmp_path, command, monkeypatch):
    command("nvpmodel", "echo 15W")
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    monkeypatch.setattr(module, "ADMIN_FOLDERS", str(tmp_path / "commands"))
    assert make_host({}).run("nvpmodel") == "15W"


def test_a_probe_that_fails_is_noted(make_host):
    def interrupt(_):
        raise KeyboardInterrupt

    host = make_host({"x": "no number"})
    assert host.learn("a number", lambda host: int(host.read("x")), None) is None
    assert host.learn("text", lambda host: host.read("x"), None) == "no number"
    (noted,) = host.unknown
    assert noted.startswith("a number: ValueError: ")
    with pytest.raises(KeyboardInterrupt):
        host.learn("x", interrupt, None)


def test_a_pc(make_host, monkeypatch):
    host = make_host(PC)
    system, cpu, nvidia = system_facts(host), cpu_facts(host, "x86_64"), nvidia_facts(host, RTX)
    assert (system.name, system.container) == ("Ubuntu 24.04.1 LTS", False)
    assert (system.python_needed, system.python_ok) == (">=3.10", True)
    monkeypatch.setattr("sys.version_info", (3, 9, 2))
    assert not system_facts(host).python_ok
    assert (cpu.model, cpu.cores, cpu.usable) == ("AMD Ryzen 9 7950X", 8, 6)
    assert [name for name, there in cpu.features.items() if there] == ["avx2", "avx512f", "avx512_vnni"]
    assert cpu.features["amx_int8"] is False
    assert nvidia.hardware == ["PCI 0000:01:00.0"], "neither Intel's GPU nor the sound of NVIDIA's"
    assert (nvidia.driver, nvidia.cuda_version, nvidia.toolkit) == ("535.183.01", "12.2", "12.6.68")
    assert (nvidia.gpus, nvidia.problem) == (list(RTX.gpus), None)
    assert jetson_facts(host) is None


def test_a_container_without_gpu(make_host):
    host = make_host(CONTAINER)
    nvidia = nvidia_facts(host, "no NVIDIA driver")
    assert system_facts(host).container
    assert (cpu_facts(host, "x86_64").usable, memory_facts(host).limit_bytes) == (1.5, 2 << 30)
    assert (nvidia.hardware, nvidia.driver, nvidia.toolkit) == ([], None, None)
    assert jetson_facts(host) is None
    assert host.unknown == []


def test_a_jetson(make_host, command):
    command("nvpmodel", f"[ $1 = -q ] && printf '{NVPMODEL}'")
    command("lscpu", 'echo "Architecture: aarch64"; echo "Model name:   Cortex-A78AE"')
    host = make_host(JETSON)
    cpu, jetson, nvidia = cpu_facts(host, "aarch64"), jetson_facts(host), nvidia_facts(host, RTX)
    assert (cpu.model, cpu.features) == ("Cortex-A78AE", {"asimddp": True, "i8mm": False, "sve": False})
    assert jetson.model == "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super"
    assert (jetson.l4t, jetson.jetpack, jetson.tensorrt) == ("36.4.3", "6.2+b77", "10.3.0.30-1+cuda12.5")
    assert (jetson.power_mode, jetson.gpu_mhz) == ("15W", (306, 1020))
    assert (nvidia.hardware, nvidia.driver) == (["Tegra"], "540.4.0")
    assert host.unknown == []


def test_a_jetson_whose_packages_are_out_of_sight(make_host, command):
    command("nvpmodel", "echo 'NVPM ERROR: must be root' >&2; exit 1")
    host = make_host({name: text for name, text in JETSON.items() if not name.startswith(("var", "sys"))})
    jetson = jetson_facts(host)
    assert (jetson.l4t, jetson.jetpack, jetson.tensorrt) == ("36.4.3", "6", None)
    assert (jetson.power_mode, jetson.gpu_mhz) == (None, None)
    assert host.unknown == ["nvpmodel -q: NVPM ERROR: must be root"]


def test_a_jetson_without_release_file(make_host, command):
    core = "Package: nvidia-l4t-core\nStatus: install ok installed\nVersion: 38.2.0-20250821174705\n"
    jetson = jetson_facts(make_host({"proc/device-tree/compatible": "nvidia,tegra264\0", "var/lib/dpkg/status": core}))
    assert (jetson.l4t, jetson.jetpack, jetson.power_mode) == ("38.2.0", "7", None)


@pytest.mark.parametrize(
    ("architecture", "line", "says"),
    [
        ("x86_64", "flags : avx2", "no VNNI"),
        ("x86_64", "flags : avx2 avx_vnni", "in one step (avx_vnni)"),
        ("x86_64", "flags : sse4_2", "no avx2"),
        ("aarch64", "Features : asimd", "no asimddp"),
        ("aarch64", "Features : asimddp", "in one step (asimddp)"),
        ("aarch64", "", "not known"),
        ("riscv64", "Features : v", "not known"),
    ],
)
def test_what_the_features_mean_for_int8(make_host, architecture, line, says):
    assert says in cpu_facts(make_host({"proc/cpuinfo": f"model name : x\n{line}\n"}), architecture).int8


@pytest.mark.parametrize(
    ("groups", "cores", "limit_bytes"),
    [
        (
            {
                "proc/self/cgroup": "0::/user.slice/app.service\n",
                "sys/fs/cgroup/user.slice/cpu.max": "200000 100000",
                "sys/fs/cgroup/user.slice/app.service/cpu.max": "max 100000",
                "sys/fs/cgroup/user.slice/memory.max": "3000000000",
                "sys/fs/cgroup/user.slice/app.service/memory.max": "max",
            },
            2,
            3_000_000_000,
        ),
        (
            {
                "proc/self/cgroup": "5:memory:/docker/1\n3:cpu,cpuacct:/docker/1\n0::/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "200000",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": VERSION_1,
                "sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes": "1000000000",
            },
            0.25,
            1_000_000_000,
        ),
        (
            {
                "proc/self/cgroup": "3:cpu:/\n4:memory:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": VERSION_1,
            },
            6,
            None,
        ),
    ],
    ids=["of all groups above", "of version 1", "none"],
)
def test_limits_of_groups(make_host, groups, cores, limit_bytes):
    host = make_host(PC | groups)
    memory = memory_facts(host)
    assert cpu_facts(host, "x86_64").usable == cores
    assert (memory.total_bytes, memory.available_bytes) == (65536000 * 1024, 32768000 * 1024)
    assert memory.limit_bytes == limit_bytes


def test_the_version_of_a_driver_that_says_it_elsewhere(make_host):
    assert nvidia_facts(make_host({"sys/module/nvidia/version": "565.57.01\n"}), "").driver == "565.57.01"


def test_a_damaged_toolkit_is_noted(make_host):
    host = make_host({"usr/local/cuda/version.json": "{"})
    assert nvidia_facts(host, RTX).toolkit is None
    assert host.unknown[0].startswith("CUDA toolkit: JSONDecodeError")


class Installed:
    """A stand-in for a distribution."""

    def __init__(self, name, version):
        self.metadata, self.version = {"Name": name}, version


@pytest.fixture
def installed(monkeypatch):
    def install(*pairs, modules=()):
        monkeypatch.setattr(module, "distributions", lambda: [Installed(*pair) for pair in pairs])
        monkeypatch.setattr(module, "find_spec", lambda name: name in modules or None)
        return package_facts(None)

    return install


def test_the_real_packages():
    found = package_facts(None)
    assert {"numpy", "click", "msgspec", "onnxruntime", "opencv-python-headless"} <= set(found)
    assert "edgereader" not in found
    assert list(found) == sorted(found)


def test_the_first_package_on_the_path_counts_and_tensorrt_without_metadata_too(installed):
    found = installed(("torch", "2.9"), ("NumPy", "2.1"), ("numpy", "1.26"), ("pip", "24"), (None, "1"))
    assert found == {"numpy": "2.1", "torch": "2.9"}
    found = installed(("tensorrt_rtx", "1.7"), modules=("tensorrt", "tensorrt_rtx"))
    assert found == {"tensorrt": "of unknown version", "tensorrt-rtx": "1.7"}


def test_packages_that_write_into_one_folder(installed):
    found = installed(
        ("onnxruntime_gpu", "1.31"),
        ("onnxruntime", "1.30"),
        ("opencv-python", "4.11"),
        ("opencv-contrib-python-headless", "4.11"),
        ("onnxruntime-extensions", "0.14"),
    )
    runtimes, opencvs = clashes(found)
    assert runtimes.startswith("onnxruntime and onnxruntime-gpu write into one folder")
    assert runtimes.endswith("pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu")
    assert "pip uninstall -y opencv-contrib-python-headless opencv-python &&" in opencvs
    assert opencvs.endswith("pip install opencv-contrib-python-headless")
    assert clashes(installed(("onnxruntime", "1.31"), ("onnxruntime-genai", "0.9"), ("opencv-python", "4.11"))) == []


@pytest.mark.parametrize(("built", "has"), [("YES (1.20.3)", True), ("NO", False)])
def test_opencv(monkeypatch, built, has):
    lines = f"  Video I/O:\n    FFMPEG:                      YES\n    GStreamer:                   {built}\n"
    monkeypatch.setattr("cv2.getBuildInformation", lambda: lines)
    opencv = opencv_facts(None)
    assert (opencv.gstreamer, opencv.ffmpeg) == (has, True)
    assert opencv.path.endswith("cv2")
