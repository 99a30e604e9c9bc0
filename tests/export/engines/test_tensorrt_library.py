"""Flavours, targets and options: TensorRT for RTX as it is; where `tensorrt` itself is needed, a stand-in says so."""

import sys
from types import SimpleNamespace

import pytest

import edgereader.export.engines.tensorrt_library
from edgereader.export.engines.tensorrt_library import (
    Options,
    configure,
    expect_known,
    load_library,
    resolve_targets,
    runs_here,
    strongly_typed,
)
from edgereader.runtime.errors import BackendUnavailable, ExportError
from edgereader.runtime.sessions.nvidia import Driver, Gpu
from edgereader.runtime.sessions.tensorrt.engines import logger_of

rtx = pytest.importorskip("tensorrt_rtx", reason="needs TensorRT for RTX: pip install tensorrt-rtx")


@pytest.fixture
def orin(monkeypatch):
    """A driver that lists one GPU, an Orin."""
    driver = Driver((12, 6), (Gpu("Orin", "sm87", 8 << 30, integrated=True),))
    monkeypatch.setattr(edgereader.export.engines.tensorrt_library, "nvidia_driver", lambda: driver)


@pytest.fixture
def no_driver(monkeypatch):
    def none():
        raise BackendUnavailable("no NVIDIA driver: install it")

    monkeypatch.setattr(edgereader.export.engines.tensorrt_library, "nvidia_driver", none)


def test_a_flavour_is_its_module(monkeypatch):
    assert load_library("tensorrt-rtx") is rtx
    monkeypatch.setitem(sys.modules, "tensorrt", SimpleNamespace(__version__="10.3.0"))
    assert load_library("tensorrt").__version__ == "10.3.0"


@pytest.mark.parametrize("flavour", ["tensorrt_rtx", "TensorRT", "onnx", ""])
def test_an_unknown_flavour_is_refused(flavour):
    with pytest.raises(BackendUnavailable, match="expected tensorrt or tensorrt-rtx"):
        load_library(flavour)


def test_targets_are_each_named_once_in_order(no_driver):
    assert resolve_targets(rtx, "tensorrt-rtx", ["sm120", "sm86", "sm89", "sm86"]) == ("sm86", "sm89", "sm120")
    assert not runs_here(("sm86",))


@pytest.mark.parametrize("target", ["sm87", "86", "SM86", "sm", "current", ""])
def test_an_unknown_target_is_refused_with_the_known_ones(target):
    with pytest.raises(ExportError, match=r"has: sm75, sm80, sm86, sm89, sm120, sm121; take one of these"):
        resolve_targets(rtx, "tensorrt-rtx", ["sm86", target])


def test_without_a_target_it_is_this_machines_gpu(orin):
    with pytest.raises(ExportError, match="target sm87: expected one"):
        resolve_targets(rtx, "tensorrt-rtx", ())
    assert resolve_targets(rtx, "tensorrt", ()) == resolve_targets(rtx, "tensorrt", ["sm87"]) == ("sm87",)
    assert runs_here(("sm86", "sm87"))
    assert not runs_here(("sm86",))


def test_without_a_target_or_a_gpu_one_must_be_given(no_driver):
    with pytest.raises(ExportError, match="expected --target, as this machine has no GPU .* any of sm75, sm80"):
        resolve_targets(rtx, "tensorrt-rtx", ())
    with pytest.raises(BackendUnavailable, match="no NVIDIA driver"):
        resolve_targets(rtx, "tensorrt", ["sm86"])


def test_tensorrt_builds_for_this_machine_only(orin):
    with pytest.raises(ExportError, match="--target sm86: expected sm87, as tensorrt builds for this machine's GPU"):
        resolve_targets(rtx, "tensorrt", ["sm86"])


@pytest.mark.parametrize(
    "options", [{"version_compatible": True}, {"hardware_compatible": True}, {"timing_cache": "a"}]
)
def test_what_tensorrt_for_rtx_does_not_have_is_refused(options):
    expect_known("tensorrt", Options(**options))
    expect_known("tensorrt-rtx", Options(optimization_level=5, workspace_mib=64))
    with pytest.raises(ExportError, match=f"tensorrt-rtx has no --{next(iter(options)).replace('_', '-')}: "):
        expect_known("tensorrt-rtx", Options(**options))


def test_flags_are_what_differs_from_the_defaults():
    assert Options().flags == []
    every = Options(optimization_level=0, version_compatible=True, hardware_compatible=True, workspace_mib=512)
    assert every.flags == ["version-compatible", "hardware-compatible", "optimization-level=0", "workspace-mib=512"]


def test_the_builder_holds_what_was_chosen():
    builder = rtx.Builder(logger_of(rtx))
    options = Options(optimization_level=5, version_compatible=True, workspace_mib=512)
    config = configure(rtx, builder, "tensorrt-rtx", ("sm86", "sm120"), options)
    assert config.builder_optimization_level == 5
    assert config.get_flag(rtx.BuilderFlag.VERSION_COMPATIBLE)
    assert config.get_memory_pool_limit(rtx.MemoryPoolType.WORKSPACE) == 512 << 20
    assert config.num_compute_capabilities == 2
    assert [config.get_compute_capability(index).name for index in (0, 1)] == ["SM86", "SM120"]
    plain = configure(rtx, builder, "tensorrt-rtx", ("sm86",), Options())
    assert plain.builder_optimization_level == builder.create_builder_config().builder_optimization_level
    assert not plain.get_flag(rtx.BuilderFlag.VERSION_COMPATIBLE)


def test_hardware_compatibility_on_a_stand_in_of_tensorrts_configuration():
    config = SimpleNamespace(hardware_compatibility_level="NONE")
    trt = SimpleNamespace(HardwareCompatibilityLevel=SimpleNamespace(AMPERE_PLUS="AMPERE_PLUS"))
    builder = SimpleNamespace(create_builder_config=lambda: config)
    assert configure(trt, builder, "tensorrt", ("sm87",), Options(hardware_compatible=True)) is config
    assert vars(config) == {"hardware_compatibility_level": "AMPERE_PLUS"}


def test_networks_are_strongly_typed_whether_or_not_there_is_a_flag_for_it():
    network = rtx.Builder(logger_of(rtx)).create_network(strongly_typed(rtx))
    assert network.get_flag(rtx.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    assert strongly_typed(SimpleNamespace(NetworkDefinitionCreationFlag=SimpleNamespace())) == 0
