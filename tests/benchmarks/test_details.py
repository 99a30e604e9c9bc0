from edgereader.benchmarks.details import NOT_MEASURED, as_written, boxes


def test_what_was_not_measured_is_said(report):
    assert as_written(report) == boxes(report) == NOT_MEASURED


def test_every_reader_has_a_line_in_every_set(with_peer):
    table, note = as_written(with_peer).split("\n\n")
    assert table.splitlines()[2:] == ["| crops_a | rapidocr 3.10.0 | 50 % | 60 % | 0.850 | 0.950 |"]
    assert "1 − NED is" in note
    table, note = boxes(with_peer).split("\n\n")
    assert table.splitlines()[2:] == [
        "| scenes_b | rapidocr 3.10.0 | 8 | 75 % / 60 % / 66.7 % | 37.5 % / 30 % / 33.3 % |"
    ]
    assert "ICDAR 2015" in note
