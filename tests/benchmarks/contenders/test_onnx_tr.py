import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from edgereader.benchmarks.contenders import Options, Unavailable
from edgereader.benchmarks.contenders.onnx_tr import OnnxTr, open_contender

FILES = ("fast-1.onnx", "crnn-2.onnx")


def predictor(*words):
    """One that finds these words in the middle of everything."""
    found = [SimpleNamespace(value=text, confidence=score, geometry=((0.25, 0.5), (0.75, 1))) for text, score in words]
    page = SimpleNamespace(blocks=[SimpleNamespace(lines=[SimpleNamespace(words=found)])])
    document = SimpleNamespace(pages=[page])

    def call(pages):
        assert pages[0][0, 0].tolist() == [3, 2, 1]  # red first
        return document

    call.reco_predictor = lambda crops: [(f"{crops[0][0, 0].tolist()}", 0.5)]
    return call


@pytest.fixture
def library(monkeypatch):
    """OnnxTR's modules, as far as the contender knows them."""
    models, fast, crnn = (ModuleType(name) for name in ("models", "fast", "crnn"))

    def config(providers):
        return SimpleNamespace(providers=providers, session_options=SimpleNamespace(intra_op_num_threads=-1))

    models.EngineConfig = config
    models.fast_base = models.crnn_vgg16_bn = lambda path, engine_cfg: (path, engine_cfg)
    models.ocr_predictor = lambda *networks: networks
    fast.default_cfgs = {"fast_base": {"url": f"https://no.such/{FILES[0]}"}}
    crnn.default_cfgs = {"crnn_vgg16_bn": {"url": f"https://no.such/{FILES[1]}"}}
    names = {"": models, ".detection.models.fast": fast, ".recognition.models.crnn": crnn}
    for name, module in names.items():
        monkeypatch.setitem(sys.modules, f"onnxtr.models{name}", module)
    return models


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ONNXTR_CACHE_DIR", str(tmp_path))
    (tmp_path / "models").mkdir()
    for name in FILES:
        (tmp_path / "models" / name).touch()
    return tmp_path / "models"


def test_words_with_a_digit_are_kept_with_their_places():
    photo = np.full((300, 500, 3), (1, 2, 3), np.uint8)
    (found,) = OnnxTr(predictor(("EXIT", 0.9), ("12", 0.8))).read(photo)
    assert (found.text, found.confidence) == ("12", 0.8)
    assert found.quad.tolist() == [[125, 150], [375, 150], [375, 300], [125, 300]]
    assert OnnxTr(predictor()).recognize(photo).text == "[3, 2, 1]"


def test_it_is_given_the_files_that_lie_there_and_the_threads(library, cache):
    for threads, told in ((0, -1), (2, 2)):
        networks = open_contender("onnxtr", Options(threads=threads)).predictor
        assert [path for path, _ in networks] == [str(cache / name) for name in FILES]
        assert all(engine.session_options.intra_op_num_threads == told for _, engine in networks)
        assert all(engine.providers == ["CPUExecutionProvider"] for _, engine in networks)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_model_is_not_downloaded(library, cache, name):
    (cache / name).unlink()
    with pytest.raises(Unavailable, match=f"{name} is missing: .* to download its models"):
        open_contender("onnxtr", Options())
