import gc
import json
import tracemalloc

import numpy as np
import pytest

from edgereader.runtime.bundles.bundle import Bundle
from edgereader.runtime.errors import AlphabetError, BundleError, ImageError
from edgereader.runtime.geometry.crops import BATCH_PX, MOST_CROPS
from edgereader.runtime.geometry.heatmaps import Region
from edgereader.runtime.recognizer import HELD_BATCHES, Recognizer
from edgereader.runtime.text.checks import luhn

from .graphs import CHARSET, grey_of


def barcode(text, image_hw=(32, 100)):
    """A picture of ten columns whose grey levels are a text, with black (a blank) between."""
    columns = np.zeros(10, np.uint8)
    for index, character in enumerate(text):
        columns[2 * index] = round(grey_of(character))
    return np.repeat(np.repeat(columns, image_hw[1] // 10)[None], image_hw[0], axis=0)


@pytest.fixture(scope="module")
def recognizer(make_bundle):
    return Recognizer(Bundle.open(make_bundle(steps=10, keep_ratio=False)))


def test_crops_are_read_in_their_order_over_many_batches(recognizer):
    texts = [f"{number:05d}" for number in range(0, 99_999, 1111)]
    assert len(texts) > 2 * MOST_CROPS
    found = recognizer.recognize_crops([barcode(text) for text in texts])
    assert [text.text for text in found] == texts
    assert all(text.accepted and text.confidence > 0.9 for text in found)


def test_attn(make_bundle):
    recognizer = Recognizer(Bundle.open(make_bundle(steps=10, keep_ratio=False, prediction="Attn")))
    columns = [round(grey_of(character, prediction="Attn")) for character in "4715"] + [
        round(255 / (len(CHARSET) + 1))
    ] * 6
    crop = np.repeat(np.repeat(np.array(columns, np.uint8), 10)[None], 32, axis=0)
    assert recognizer.recognize_crops([crop])[0].text == "4715"


def test_no_crops(recognizer):
    assert recognizer.recognize_crops([]) == []
    assert recognizer.recognize(np.zeros((5, 5, 3), np.uint8), []) == []


def test_a_margin_is_cut_around_the_quads_of_a_detector_only(make_bundle):
    exact = Recognizer(Bundle.open(make_bundle(steps=10, keep_ratio=False)))
    roomy = Recognizer(Bundle.open(make_bundle(steps=10, keep_ratio=False, margin=0.25)))
    frame = np.zeros((60, 140, 3), np.uint8)
    frame[10:42, 20:120] = barcode("70481")[..., None]
    outer = np.array([(20, 10), (120, 10), (120, 42), (20, 42)], np.float32)
    share = 0.25 / 1.5 * 32  # of the height of what is inside
    inner = outer + np.float32([(share, share), (-share, share), (-share, -share), (share, -share)])
    empty = np.empty((0, 4, 2), np.float32)
    (whole,) = exact.recognize(frame, [Region(outer, empty, 1.0)])
    (read,) = roomy.recognize(frame, [Region(inner, empty, 1.0)])
    assert read.text == whole.text == "70481"
    x = 20 + 100 * np.array(whole.positions)
    np.testing.assert_allclose(read.positions, (x - inner[0, 0]) / (inner[1, 0] - inner[0, 0]), atol=1e-3)
    assert roomy.read_places([(frame, inner)])[0].text == read
    crop = barcode("70481")
    assert roomy.recognize_crops([crop]) == exact.recognize_crops([crop])


def test_easyocrs_second_look_is_taken_where_it_is_surer(make_bundle):
    """Grey levels between those of two characters are in doubt 50 times; with more contrast they are not."""
    options = {"steps": 50, "image_hw": (32, 200)}
    plain, twice = (
        Recognizer(Bundle.open(make_bundle(**options, as_easyocr=easyocr)), alphabet=None) for easyocr in (False, True)
    )
    faint = np.repeat(np.tile(np.uint8([110, 212]), 25), 4)[None].repeat(32, axis=0)
    sure = np.repeat(np.tile(np.uint8([0, 102]), 25), 4)[None].repeat(32, axis=0)
    assert [text.text for text in plain.recognize_crops([sure, faint])] == ["5" * 25, "5b" * 25]
    assert [text.text for text in twice.recognize_crops([sure, faint, sure])] == ["5" * 25, "2e" * 25, "5" * 25]


def test_places_of_many_frames_are_read_in_full_batches(recognizer, monkeypatch):
    frames, texts = [], [f"{number:03d}" for number in range(0, 999, 21)]
    for text in texts:
        frame = np.zeros((80, 160, 3), np.uint8)
        frame[20:52, 30:130] = barcode(text)[..., None]
        frames.append(frame)
    quad = np.array([[30, 20], [130, 20], [130, 52], [30, 52]], np.float32)
    ((_, binding),) = recognizer._buffers.idle
    run, batches = binding.run, []
    monkeypatch.setattr(binding, "run", lambda batch: batches.append(batch) or run(batch))
    found = recognizer.read_places((frame, quad) for frame in frames)
    assert [place.text.text for place in found] == texts
    assert batches == [MOST_CROPS, len(texts) - MOST_CROPS]
    (alone,) = recognizer.read_places([(frames[5], quad)])
    (crop,) = recognizer.log_probs([frames[5][20:52, 30:130]])
    assert alone.text == recognizer.recognize(frames[5], [Region(quad, np.empty((0, 4, 2), np.float32), 1.0)])[0]
    assert alone.log_probs == pytest.approx(crop, abs=1e-5), "at temperature 1"
    assert np.exp(alone.log_probs).sum(axis=1) == pytest.approx(1, abs=1e-4)
    assert found[5].log_probs.base is None or not np.shares_memory(found[5].log_probs, found[6].log_probs)
    assert recognizer.read_places([]) == []


def test_log_probabilities_of_places_are_at_the_bundles_temperature(make_bundle):
    folder = make_bundle(steps=10, keep_ratio=False)
    doubt = barcode("7")
    doubt[:, :10] += 5
    place = np.dstack([doubt] * 3), np.array([[0, 0], [100, 0], [100, 32], [0, 32]], np.float32)
    (plain,) = Recognizer(Bundle.open(folder)).read_places([place])
    change_manifest(folder, temperature=20)
    (soft,) = Recognizer(Bundle.open(folder)).read_places([place])
    assert soft.text.text == plain.text.text == "7"
    step = plain.log_probs[0].argmax()
    assert np.exp(plain.log_probs[0, step]) == pytest.approx(plain.text.confidence, abs=1e-4)
    assert np.exp(soft.log_probs[0, step]) == pytest.approx(soft.text.confidence, abs=1e-4)
    assert soft.text.confidence < plain.text.confidence - 0.1


def test_a_mask_reaches_the_graph(make_bundle):
    bundle = Bundle.open(make_bundle(steps=10, keep_ratio=False))
    assert Recognizer(bundle, alphabet="139").recognize_crops([barcode("258")])[0].text in {"139", "339", "119", "199"}
    assert Recognizer(bundle, alphabet=None).recognize_crops([barcode("1ab2")])[0].text == "1ab2"
    with pytest.raises(AlphabetError):
        Recognizer(bundle, alphabet="xyz")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("image_hw", [(32, 100), (48, 160)])
def test_sizes_and_channels(make_bundle, channels, image_hw):
    bundle = Bundle.open(make_bundle(steps=10, keep_ratio=False, channels=channels, image_hw=image_hw))
    assert Recognizer(bundle).recognize_crops([barcode("3021", image_hw)])[0].text == "3021"


def test_positions_are_along_the_text_and_not_along_the_padding(make_bundle):
    recognizer = Recognizer(Bundle.open(make_bundle(steps=10, keep_ratio=True)))
    (whole,) = recognizer.recognize_crops([barcode("739")])
    assert whole.positions == pytest.approx((0.05, 0.25, 0.45))
    (half,) = recognizer.recognize_crops([barcode("739")[:, :50]])
    assert half.text == "739"
    assert half.positions == pytest.approx((0.1, 0.5, 0.9)), "the repeated last column is still the 9"


def test_a_pattern_and_a_check_decide_where_two_are_likely(make_bundle):
    bundle = Bundle.open(make_bundle(steps=10, keep_ratio=False))
    doubt = barcode("175")
    doubt[:, 40:50] = round((grey_of("4") + grey_of("5")) / 2)
    for options, text in (
        ({"pattern": "..4"}, "174"),
        ({"pattern": "..5"}, "175"),
        ({"check": "luhn"}, "174" if luhn("174") else "175"),
    ):
        (found,) = Recognizer(bundle, **options).recognize_crops([doubt])
        assert (found.text, found.accepted) == (text, luhn(text) or "check" not in options)
    assert not Recognizer(bundle, pattern="..6").recognize_crops([doubt])[0].accepted
    with pytest.raises(AlphabetError):
        Recognizer(bundle, check="isbn")


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
def test_extreme_crops(recognizer, size):
    assert len(recognizer.recognize_crops([np.zeros(size, np.uint8)])) == 1


def test_a_wrong_crop_is_an_error(recognizer):
    with pytest.raises(ImageError):
        recognizer.recognize_crops([barcode("1"), None])
    with pytest.raises(ImageError):
        recognizer.read_places([(None, np.zeros((4, 2), np.float32))])


def change_manifest(folder, **changes):
    manifest = json.loads((folder / "bundle.json").read_text())
    manifest["recognizer"].update(changes)
    (folder / "bundle.json").write_text(json.dumps(manifest))


def test_a_graph_whose_classes_are_not_the_charsets(make_bundle):
    folder = make_bundle()
    change_manifest(folder, charset="0123")
    with pytest.raises(BundleError, match="5 classes"):
        Recognizer(Bundle.open(folder))
    with pytest.raises(BundleError, match="expected a recognizer"):
        Recognizer(Bundle.open(make_bundle(recognizer=False)))


WIDTHS = (64, 96, 128, 256, 512)


def line(text):
    """A picture 32 pixels high whose characters are 4 columns wide, with 4 black ones behind each."""
    levels = np.array([[round(grey_of(character)), 0] for character in text], np.uint8)
    return np.repeat(np.repeat(levels.reshape(1, -1), 4, axis=1), 32, axis=0)


def lines(count):
    """Numbers of 1 to 60 digits, in mixed order."""
    random = np.random.default_rng(count)
    return ["".join(map(str, random.integers(0, 10, random.integers(1, 61)))) for _ in range(count)]


@pytest.fixture(scope="module")
def wide(make_bundle):
    return Recognizer(Bundle.open(make_bundle(widths=WIDTHS)))


@pytest.mark.parametrize("text", ["7", "4111111111111111", "00340411000000000018", "1234567890" * 6])
def test_long_numbers_are_read_at_their_own_width(wide, text):
    (found,) = wide.recognize_crops([line(text)])
    assert (found.text, found.accepted) == (text, True)
    width = min(side for side in WIDTHS if side >= 8 * len(text))
    (rows,) = wide.log_probs([line(text)])
    assert len(rows) == width // 4 - 1
    steps = len(rows) * 8 * len(text) / width
    middles = [(2 * index + 0.5) / steps for index in range(len(text))]
    assert found.positions == pytest.approx(middles), "shares of the text's width, not of the crop's"


def test_what_is_wider_than_the_widest_is_squeezed_into_it(wide):
    (found,) = wide.recognize_crops([line("12" * 64)])
    assert found.text == ("12" * 64)[: WIDTHS[-1] // 4 - 1], "1024 columns in 512: a character for each step"
    (squeezed,) = wide.log_probs([np.zeros((8, 5000), np.uint8)])
    assert len(squeezed) == WIDTHS[-1] // 4 - 1


def test_a_crop_reads_the_same_alone_and_among_crops_of_other_widths(wide):
    texts = lines(3 * HELD_BATCHES * MOST_CROPS // 2)
    pictures = [line(text) for text in texts]
    together = wide.recognize_crops(iter(pictures))
    assert [text.text for text in together] == texts
    for at in (0, 57, 131):
        (alone,) = wide.recognize_crops([pictures[at]])
        (backwards,) = wide.recognize_crops(pictures[at::-1])[:1]
        assert alone == backwards == together[at]


def test_regions_and_places_of_several_widths_keep_their_order(wide):
    frame = np.zeros((420, 520, 3), np.uint8)
    texts = lines(10)
    empty, quads = np.empty((0, 4, 2), np.float32), []
    for index, text in enumerate(texts):
        top, width = 10 + 40 * index, 8 * len(text)
        frame[top : top + 32, 5 : 5 + width] = line(text)[..., None]
        quads.append(np.float32([(5, top), (5 + width, top), (5 + width, top + 32), (5, top + 32)]))
    assert [text.text for text in wide.recognize(frame, [Region(quad, empty, 1.0) for quad in quads])] == texts
    places = wide.read_places((frame, quad) for quad in quads)
    assert [place.text.text for place in places] == texts
    assert [len(place.log_probs) for place in places] == [len(rows) for rows in wide.log_probs(map(line, texts))]


def test_batches_of_each_width_are_filled_and_hold_a_bounded_number_of_pixels(make_bundle, monkeypatch):
    recognizer = Recognizer(Bundle.open(make_bundle(widths=WIDTHS)))
    assert list(dict(recognizer._buffers.idle)) == [128], "the others are made when they are first needed"
    recognizer.recognize_crops([line("1" * (width // 8)) for width in WIDTHS])
    assert {width: len(binding.inputs["crops"]) for width, binding in recognizer._buffers.idle} == dict(
        zip(WIDTHS, (32, 32, 32, 16, 8), strict=True)
    )
    assert all(binding.inputs["crops"].size <= BATCH_PX for binding in dict(recognizer._buffers.idle).values())
    batches = []
    for width, binding in recognizer._buffers.idle:
        monkeypatch.setattr(
            binding, "run", lambda batch, run=binding.run, width=width: batches.append((width, batch)) or run(batch)
        )
    recognizer.recognize_crops([line("1" * 8), line("1" * 64)] * MOST_CROPS)
    assert batches == [(64, 32), (512, 8), (512, 8), (512, 8), (512, 8)]


def test_a_stream_of_crops_is_not_collected(wide):
    taken = []
    results = wide.log_probs(taken.append(1) or line("123") for _ in range(10 * HELD_BATCHES * MOST_CROPS))
    assert taken == []
    next(results)
    assert len(taken) == HELD_BATCHES * MOST_CROPS


def test_between_two_results_the_same_recognizer_may_be_used(wide):
    texts = lines(20)
    expected = list(wide.log_probs(map(line, texts)))

    def pictures():
        for text in texts:
            wide.recognize_crops([line("5" * len(text))])
            yield line(text)

    for rows, right in zip(wide.log_probs(pictures()), expected, strict=True):
        wide.recognize_crops([line("8" * len(text)) for text in texts])
        np.testing.assert_allclose(rows, right, atol=1e-5)


def test_attn_has_as_many_steps_at_every_width(make_bundle):
    recognizer = Recognizer(Bundle.open(make_bundle(widths=WIDTHS, steps=15, max_length=14, prediction="Attn")))
    assert [len(rows) for rows in recognizer.log_probs([line("1"), line("1" * 60)])] == [15, 15]


@pytest.mark.parametrize(("made", "said"), [({"widths": WIDTHS}, ()), ({"steps": 10}, (64, 100))])
def test_a_graph_of_another_width_than_the_bundle_says_is_refused(make_bundle, made, said):
    folder = make_bundle(**made)
    change_manifest(folder, widths=said)
    with pytest.raises(BundleError, match=r"expected (open|fixed) steps .* got (10|open) steps .*; export it again"):
        Recognizer(Bundle.open(folder))


def test_memory_does_not_grow_with_the_texts_that_were_read(wide):
    """All batches of all widths come up while it warms up; then nothing is kept."""
    pictures = [line("1" * (width // 8)) for width in WIDTHS] * 2

    def read(times):
        for turn in range(times):
            wide.recognize_crops(pictures[turn % len(pictures) :])
        gc.collect()
        ours = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*/runtime/*")])
        return sum(held.size for held in ours.statistics("filename")), len(wide._buffers.idle)

    tracemalloc.start()
    try:
        read(10)
        first, bindings = read(1)
        after = read(20)
    finally:
        tracemalloc.stop()
    assert (bindings, after[1]) == (len(WIDTHS), len(WIDTHS))
    assert after[0] - first < 2_000, "bytes"
