import msgspec

from edgereader.benchmarks.accuracy.terminal import table


def test_the_table_says_it_in_words(report):
    crops, scenes = report.runs[0].sets
    empty = msgspec.structs.replace(scenes, name="scenes_none", labels=0, recall=None, false_numbers_per_image=0.08)
    blind = msgspec.structs.replace(scenes, name="blind", matched=0, recall=0.0, readings=0, precision=None)
    part = msgspec.structs.replace(crops, name="digits:held-out", part="only some")
    text = table([crops, scenes, empty, blind, part], report.runs[0].all_crops)
    lines = text.split("\n\n")[0].splitlines()
    assert lines[0].split() == ["set", "images", "result", "p50", "ms", "p90", "ms"]
    assert "exact 91.5% (183 of 200), ECE 0.225, 50% at 0.9 or more, of which 50.0% right" in lines[1]
    assert lines[1].endswith("12.3    20.0")
    assert "recall 75.0% (6 of 8), precision 66.7%, 0.40 false numbers an image" in lines[2]
    assert "0.08 false numbers an image" in lines[3]
    assert "recall" not in lines[3]
    assert "no number read" in lines[4]
    assert lines[6].startswith("all crops")
    assert lines[7] == "digits:held-out: only some"


def test_below_the_table_stands_what_explains_it(report):
    _, groups, thresholds, causes = table(report.runs[0].sets, report.runs[0].all_crops).split("\n\n")[1:]
    assert groups.splitlines()[1].split() == ["crops_a,", "2", "digits", "200", "91.5%", "(183)"]
    assert "0.7  recall 50.0%, no number read, 0.10 false numbers an image" in thresholds
    assert "17  digit dropped: left end" in causes
    assert "2  number missed: found, misread" in causes


def test_texts_and_boxes_stand_below_the_table(with_peer):
    text = table(with_peer.runs[1].sets, None)
    assert "scenes_b      10  recall 50.0% (6 of 8), precision 25.0%, 0.40 false numbers an image, ECE 0.225" in text
    written, boxes = text.split("\n\n")[1:3]
    assert written.splitlines() == [
        "as written  images  result",
        "crops_a        200  exact 50.0%, in any case 60.0%, 1 - NED 0.850, of the digits 0.950",
    ]
    assert boxes.splitlines() == [
        "boxes, by ICDAR 2015      labels  result",
        "scenes_b, found                8  recall 75.0%, precision 60.0%, H-mean 66.7%",
        "scenes_b, found and read       8  recall 37.5%, precision 30.0%, H-mean 33.3%",
    ]


def test_figures_that_are_not_there_are_not_told(report):
    crops, scenes = report.runs[0].sets
    assert "as written" not in table([scenes], None)
    assert "boxes" not in table([crops, scenes], None)
