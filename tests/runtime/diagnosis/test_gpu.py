from edgereader.runtime.diagnosis.gpu import jetson_facts, nvidia_facts

from .machines import CONTAINER, JETSON, NVPMODEL, PC, RTX


def test_pc(make_host):
    host = make_host(PC)
    nvidia = nvidia_facts(host, RTX)
    assert nvidia.hardware == ["PCI 0000:01:00.0"], "neither Intel's GPU nor the sound of NVIDIA's"
    assert (nvidia.driver, nvidia.cuda_version, nvidia.toolkit) == ("535.183.01", "12.2", "12.6.68")
    assert nvidia.gpus == list(RTX.gpus)
    assert nvidia.problem is None
    assert jetson_facts(host) is None


def test_a_driver_that_does_not_answer(make_host):
    nvidia = nvidia_facts(make_host(PC), "no NVIDIA driver: install it")
    assert (nvidia.gpus, nvidia.cuda_version) == ([], None)
    assert nvidia.problem == "no NVIDIA driver: install it"


def test_a_container_without_gpu(make_host):
    host = make_host(CONTAINER)
    nvidia = nvidia_facts(host, "no NVIDIA driver")
    assert (nvidia.hardware, nvidia.driver, nvidia.toolkit) == ([], None, None)
    assert jetson_facts(host) is None
    assert host.unknown == []


def test_versions_of_drivers(make_host):
    def version(**files):
        return nvidia_facts(make_host({name.replace("__", "/"): text for name, text in files.items()}), "").driver

    assert version(sys__module__nvidia__version="565.57.01\n") == "565.57.01"
    line = "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  35.3.1  Release Build  (x)  Sun Mar 19 2023"
    assert version(proc__driver__nvidia__version=line) == "35.3.1"


def test_a_damaged_toolkit_is_noted(make_host):
    host = make_host({"usr/local/cuda/version.json": "{"})
    assert nvidia_facts(host, RTX).toolkit is None
    assert host.unknown[0].startswith("CUDA toolkit: JSONDecodeError")


def test_jetson(make_host, command):
    command("nvpmodel", f"[ $1 = -q ] && printf '{NVPMODEL}'")
    host = make_host(JETSON)
    jetson = jetson_facts(host)
    assert jetson.model == "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super"
    assert (jetson.l4t, jetson.jetpack, jetson.tensorrt) == ("36.4.3", "6.2+b77", "10.3.0.30-1+cuda12.5")
    assert (jetson.power_mode, jetson.gpu_mhz) == ("15W", (306, 1020))
    nvidia = nvidia_facts(host, RTX)
    assert (nvidia.hardware, nvidia.driver) == (["Tegra"], "540.4.0")
    assert host.unknown == []


def test_a_jetson_whose_packages_are_out_of_sight(make_host, command):
    command("nvpmodel", "echo 'NVPM ERROR: must be root' >&2; exit 1")
    files = {name: text for name, text in JETSON.items() if not name.startswith(("var", "sys"))}
    host = make_host(files)
    jetson = jetson_facts(host)
    assert (jetson.l4t, jetson.jetpack, jetson.tensorrt) == ("36.4.3", "6", None)
    assert (jetson.power_mode, jetson.gpu_mhz) == (None, None)
    assert host.unknown == ["nvpmodel -q: NVPM ERROR: must be root"]


def test_a_jetson_without_release_file(make_host, command):
    core = "Package: nvidia-l4t-core\nStatus: install ok installed\nVersion: 38.2.0-20250821174705\n"
    host = make_host({"proc/device-tree/compatible": "nvidia,tegra264\0", "var/lib/dpkg/status": core})
    jetson = jetson_facts(host)
    assert (jetson.l4t, jetson.jetpack, jetson.power_mode) == ("38.2.0", "7", None)
