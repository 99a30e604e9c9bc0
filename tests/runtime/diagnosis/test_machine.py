import os

import pytest

from edgereader.runtime.diagnosis.machine import cpu_facts, memory_facts, system_facts

from .machines import CONTAINER, JETSON, PC


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)))


def test_system(make_host):
    system = system_facts(make_host(PC))
    assert (system.name, system.container) == ("Ubuntu 24.04.1 LTS", False)
    assert (system.python_needed, system.python_ok) == (">=3.10", True)


def test_container(make_host):
    system = system_facts(make_host(CONTAINER))
    assert system.container


def test_a_python_that_is_too_old(make_host, monkeypatch):
    monkeypatch.setattr("sys.version_info", (3, 9, 2))
    assert not system_facts(make_host(PC)).python_ok


def test_pc(make_host):
    cpu = cpu_facts(make_host(PC), "x86_64")
    assert (cpu.model, cpu.cores, cpu.usable) == ("AMD Ryzen 9 7950X", 8, 6)
    has = [name for name, there in cpu.features.items() if there]
    assert has == ["avx2", "avx512f", "avx512_vnni"]
    assert cpu.features["amx_int8"] is False
    assert "in one step (avx512_vnni)" in cpu.int8


def test_jetson(make_host, command):
    command("lscpu", 'echo "Architecture: aarch64"; echo "Model name:   Cortex-A78AE"')
    cpu = cpu_facts(make_host(JETSON), "aarch64")
    assert cpu.model == "Cortex-A78AE"
    assert cpu.features == {"asimddp": True, "i8mm": False, "sve": False}
    assert "in one step (asimddp)" in cpu.int8


@pytest.mark.parametrize(
    ("architecture", "line", "says"),
    [
        ("x86_64", "flags : avx2", "no VNNI"),
        ("x86_64", "flags : avx2 avx_vnni", "(avx_vnni)"),
        ("x86_64", "flags : sse4_2", "no avx2"),
        ("aarch64", "Features : asimd", "no asimddp"),
        ("aarch64", "", "not known"),
        ("riscv64", "Features : v", "not known"),
    ],
)
def test_what_the_features_mean_for_int8(make_host, architecture, line, says):
    assert says in cpu_facts(make_host({"proc/cpuinfo": f"model name : x\n{line}\n"}), architecture).int8


def test_nothing_to_read(make_host, command):
    host = make_host({})
    cpu, memory = cpu_facts(host, "x86_64"), memory_facts(host)
    assert (cpu.model, cpu.usable, cpu.features) == (None, 6, {})
    assert (memory.total_bytes, memory.available_bytes, memory.limit_bytes) == (None, None, None)


def test_limits_of_a_container(make_host):
    host = make_host(CONTAINER)
    assert cpu_facts(host, "x86_64").usable == 1.5
    assert memory_facts(host).limit_bytes == 2 << 30


def test_limits_of_all_groups_above(make_host):
    groups = {
        "proc/self/cgroup": "0::/user.slice/app.service\n",
        "sys/fs/cgroup/user.slice/cpu.max": "200000 100000",
        "sys/fs/cgroup/user.slice/app.service/cpu.max": "max 100000",
        "sys/fs/cgroup/user.slice/memory.max": "3000000000",
        "sys/fs/cgroup/user.slice/app.service/memory.max": "max",
    }
    host = make_host(PC | groups)
    assert cpu_facts(host, "x86_64").usable == 2
    assert memory_facts(host).limit_bytes == 3_000_000_000


def test_limits_of_version_1_groups(make_host):
    groups = {
        "proc/self/cgroup": "5:memory:/docker/1\n3:cpu,cpuacct:/docker/1\n0::/\n",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "200000",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
        "sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes": "1000000000",
    }
    host = make_host(PC | groups)
    assert cpu_facts(host, "x86_64").usable == 0.25
    assert memory_facts(host).limit_bytes == 1_000_000_000


def test_no_limit_is_none(make_host):
    groups = {
        "proc/self/cgroup": "3:cpu:/\n4:memory:/\n",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
    }
    host = make_host(PC | groups)
    assert cpu_facts(host, "x86_64").usable == 6
    memory = memory_facts(host)
    assert (memory.total_bytes, memory.available_bytes) == (65536000 * 1024, 32768000 * 1024)
    assert memory.limit_bytes is None
