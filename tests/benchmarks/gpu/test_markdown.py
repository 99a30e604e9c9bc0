from msgspec.structs import replace

from edgereader.benchmarks.gpu.markdown import DRY_RUN, page


def test_the_page_says_what_was_asked_reached_and_not_measured(report):
    text = page(report)
    assert text.startswith("# EdgeReader on a GPU\n")
    assert "Card (sm86, 24 GiB), driver 580.1, CUDA 13.0." in text
    assert "torch 2.11.0" in text
    assert "| ≥ 4 times | 4.50 times (10.00 ms, not 45.00) | cuda fp16 | yes | 6.7 times (6.70 ms) |" in text
    assert "| ≥ 1.2 times | 1.10 times (10.00 ms, not 11.00) | cuda fp16 | **no** |" in text
    assert "| ≥ 5 times | not measured |" in text
    assert "100.0 TFLOP/s" in text
    assert "detector 670.0 GFLOP" in text
    assert "| memory | tensorrt-rtx fp16 | 1280x720 frames | skipped | no engine |" in text
    assert DRY_RUN not in text


def test_figures_stand_with_percentiles_turns_clocks_and_agreement(report):
    text = page(report)
    assert (
        "| cuda fp16 | 736x1280 | 10.00 / 20.00 / 30.00 | 10.00 | 30 (+5) | 1.0e-04 of 0.02 | 1980 MHz, 51 °C |" in text
    )
    assert "| **wrong**, 5.0e-01 of 0.02 |" in text
    assert "| 0 as fp32 on the CPU, 0 others, 9 missed |" in text
    assert "| cuda fp16 | GPU | 900.0, 900.2, 901.0 | +0.20 (-0.30 to +0.70) | yes (≤ 2) |" in text
    assert "| cuda fp16 | detector | H-mean | **no** | low |" in text
    assert "a / b" in text


def test_a_dry_run_says_so_first(report):
    text = page(replace(report, dry_run=True, gpu=None))
    assert text.startswith("# EdgeReader, a dry run of the GPU check\n\n" + DRY_RUN)
    assert "No GPU." in text


def test_tables_have_as_many_cells_in_every_line(report):
    for block in page(report).split("\n\n"):
        lines = block.splitlines()
        if lines[0].startswith("| "):
            assert len({line.count(" | ") for line in lines}) == 1, block
