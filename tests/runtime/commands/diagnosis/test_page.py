import pytest
from msgspec.structs import replace

from edgereader.runtime.commands.diagnosis.page import page
from edgereader.runtime.commands.diagnosis.report import Engine

from .machines import CONTAINER, JETSON, NO_DRIVER, NVPMODEL, ORIN, PC, RTX


@pytest.fixture
def lines(examined):
    """The lines of a page, none too long: lines(files, driver, states, auto, **changes)."""

    def lines(files, driver, states, auto="cpu", **changes):
        text = page(replace(examined(files, driver, states, auto), **changes))
        assert max(map(len, text.splitlines())) <= 100
        assert text.isprintable() or {sign for sign in text if not sign.isprintable()} == {"\n"}
        return text.splitlines()

    return lines


def rows(lines, label):
    """Texts beside a label, each with its continuation lines."""
    found = []
    for line in lines:
        if line[:15].strip():
            found.append([line[:15].strip(), line[15:]])
        elif found:
            found[-1][1] += f" {line.strip()}"
    return [text.strip() for name, text in found if name == label]


def test_a_pc(lines):
    shown = lines(PC, RTX, {"cuda": "ok", "cpu": "ok", "tensorrt": "crashed"}, "cuda")
    assert rows(shown, "GPU") == ["NVIDIA GeForce RTX 3080, sm86, 10.0 GiB"]
    assert rows(shown, "Driver") == ["535.183.01, runs CUDA up to 12.2"]
    assert rows(shown, "CUDA toolkit") == ["12.6.68"]
    assert rows(shown, "Memory") == ["62.5 GiB, of which 31.2 GiB available"]
    assert rows(shown, "tensorrt")[0].startswith("detector   crashed: tensorrt detector: expected this, got that")
    (cuda,) = rows(shown, "cuda")
    assert cuda.startswith("detector   fp16          812 ms     3.21 ms     64x96  reads '7' recognizer fp16 ")
    assert rows(shown, "auto") == ["cuda for detector and recognizer; the best backend, and it works here"]
    assert "To do" not in shown
    assert "Could not be found out" not in shown
    assert shown[-1] == "Verdict        works, as the canary shows: cuda in fp16"


def test_a_container_without_gpu(lines):
    shown = lines(CONTAINER, NO_DRIVER, {"cpu": "ok"})
    assert rows(shown, "GPU") == ["none"]
    assert rows(shown, "Driver") == []
    assert rows(shown, "System")[0].endswith(", in a container")
    assert rows(shown, "Memory")[0].endswith("this group of processes may use 2.0 GiB")
    assert rows(shown, "tensorrt") == [NO_DRIVER]
    assert rows(shown, "tensorrt-rtx") == rows(shown, "cuda") == rows(shown, "tensorrt-ep") == ["the same"]


def test_a_jetson(lines, command):
    command("nvpmodel", f"printf '{NVPMODEL}'")
    shown = lines(JETSON, ORIN, {"tensorrt": "ok", "cpu": "ok"}, "tensorrt")
    assert rows(shown, "GPU") == ["Orin, sm87, 7.4 GiB, shared with the CPU"]
    (jetson,) = rows(shown, "Jetson")
    assert jetson.startswith("NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super, JetPack 6.2+b77, ")
    assert jetson.endswith("L4T 36.4.3, TensorRT 10.3.0.30-1+cuda12.5")
    assert rows(shown, "Power mode") == ["15W"]
    assert rows(shown, "GPU clock") == ["varies from 306 to 1020 MHz"]
    assert "  - power mode 15W is not the fastest" in "\n".join(shown)


def test_a_jetson_that_says_little(lines, command):
    command("nvpmodel", "exit 1")
    shown = lines({"proc/device-tree/compatible": "nvidia,tegra234"}, NO_DRIVER, {})
    assert rows(shown, "GPU") == ["Tegra, but no driver offers it"]
    assert rows(shown, "Jetson") == ["of unknown model"]
    assert rows(shown, "Power mode") == ["not known"]
    assert rows(shown, "CPU")[0].startswith("of unknown name")
    assert rows(shown, "Memory") == ["an unknown amount, of which an unknown amount available"]
    assert shown[shown.index("Could not be found out") + 1] == "  - nvpmodel -q: exit code 1"
    assert shown[-1].startswith("Verdict        nothing works")


def test_features_of_the_processor(lines):
    shown = lines(PC, RTX, {})
    (cpu,) = rows(shown, "CPU")
    assert cpu.startswith("AMD Ryzen 9 7950X, ")
    if "has" in cpu:  # the features are those of this machine's architecture
        assert "has avx2, avx512f, avx512_vnni; lacks avx_vnni, amx_int8" in cpu


def test_the_bundle(examined):
    report = examined(CONTAINER, NO_DRIVER, {"cpu": "ok"})
    engine = Engine(
        file="a.engine", kind="detector", precision="fp16", flavour="tensorrt", version="10.3", targets=["sm87"]
    )
    shown = page(
        replace(report, bundle=replace(report.bundle, engines=[engine], problems=["a", "b"], canary=False))
    ).splitlines()
    assert rows(shown, "Engine") == ["a.engine: tensorrt 10.3 for sm87"]
    assert rows(shown, "Engines") == []
    assert rows(shown, "Checksums") == ["2 wrong, see below"]
    assert rows(shown, "Canary") == ["none"]
    assert rows(shown, "detector") == ["CRAFT: fp32"]


def test_a_name_cannot_command_the_terminal(examined):
    report = examined(CONTAINER, NO_DRIVER, {"cpu": "ok"})
    text = page(replace(report, bundle=replace(report.bundle, name="\x1b[2Jx" * 40)))
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 100
