"""Which files are read, wherever the weights lie in them, and the one line that refuses the rest."""

import os
import random
import struct
import zipfile

import pytest
import torch
from safetensors.torch import save_file
from torch.optim.swa_utils import AveragedModel

from edgereader.models.checkpoints import CheckpointError
from edgereader.models.checkpoints.files import kinds_in, read_checkpoint
from edgereader.models.craft import CRAFT
from edgereader.models.recognizer import Recognizer, RecognizerConfig

WRAPPERS = {
    "plain": lambda s: s,
    "Lightning": lambda s: {"state_dict": s, "epoch": 3, "optimizer_states": [{"state": {0: {"step": torch.ones(1)}}}]},
    "EasyOCR's trainer": lambda s: {"iter": 100, "craft": s, "optimizer": {}, "scaler": {}},
    "two wrappers": lambda s: {"checkpoint": {"net": s}, "best": 0.9},
    "a name of their own": lambda s: {"weights of 3 May": s},
    "in a list": lambda s: [{"lr": 0.1}, s],
    "beside a loss": lambda s: {**{f"model.{key}": value for key, value in s.items()}, "loss.weight": torch.ones(2)},
}
PREFIXES = ["", "module.", "module.module.", "_orig_mod.", "model.", "net._orig_mod.module.", "reader.stage2."]


class Bomb:
    """A pickle that would run a command."""

    def __reduce__(self):
        return os.system, ("echo code was run",)


def same(state, network):
    expected = network.state_dict()
    return state.keys() == expected.keys() and all(torch.equal(state[key], expected[key]) for key in expected)


def read(path):
    return read_checkpoint(path, "link refiner").state


@pytest.mark.parametrize("wrap", WRAPPERS)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_weights_are_found_in_any_wrapper(refiner, save, wrap, prefix):
    state = {prefix + key: value for key, value in refiner.state_dict().items()}
    assert same(read(save(WRAPPERS[wrap](state))), refiner)


def test_an_averaged_model_of_torch(refiner, save):
    path = save(AveragedModel(refiner))
    assert "n_averaged" in torch.load(path)
    assert same(read(path), refiner)


@pytest.mark.parametrize("name", ["average", "ema", "model_ema"])
def test_averaged_weights_come_first(refiner, save, name):
    raw = {key: value * 2 for key, value in refiner.state_dict().items()}
    assert same(read(save({"model": raw, name: refiner.state_dict(), "step": 7})), refiner)


def test_two_networks_of_a_kind_are_refused(refiner, save):
    raw = {key: value * 2 for key, value in refiner.state_dict().items()}
    path = save({"student": raw, "teacher": refiner.state_dict()})
    refused(path, "the weights of one link refiner, got 2 (student, teacher)", "save only the one")
    assert same(read(save({"student": refiner.state_dict(), "best": refiner.state_dict()} | {"best": 1})), refiner)


def test_networks_of_two_kinds_lie_in_one_file(refiner, save):
    craft = CRAFT(0.0625)
    path = save({"craft": craft.state_dict(), "refiner": refiner.state_dict()})
    assert kinds_in(path) == ["CRAFT detector", "link refiner"]
    assert same(read(path), refiner)
    assert same(read_checkpoint(path, "CRAFT detector").state, craft)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_all_kinds_of_floats_become_float32(refiner, save, dtype):
    rounded = {
        key: value.to(dtype) if value.is_floating_point() else value for key, value in refiner.state_dict().items()
    }
    state = read(save(rounded))
    assert {value.dtype for value in state.values()} == {torch.float32, torch.int64}
    assert all(torch.equal(state[key], value.to(state[key].dtype)) for key, value in rounded.items())


def test_safetensors(refiner, tmp_path):
    path = tmp_path / "a.safetensors"
    save_file({f"module.{key}": value for key, value in refiner.state_dict().items()}, path)
    assert same(read(path), refiner)
    path.write_bytes(path.read_bytes()[:1000])
    refused(path, "damaged or truncated")


def test_what_edgereaders_trainer_says_of_a_recognizer(save):
    state = Recognizer(RecognizerConfig("None-VGG-None-CTC", 11, width=0.0625)).state_dict()
    config = {"stages": "None-VGG-None-CTC", "charset": "0123456789"}
    assert read_checkpoint(save({"state_dict": state, "config": config}), "recognizer").config == config
    assert read_checkpoint(save({"state_dict": state, "config": {"lr": 0.1}}), "recognizer").config == {}


def refused(path, *words):
    with pytest.raises(CheckpointError) as caught:
        read(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    assert all(word in message for word in (*words, "expected", "got", ";")), message


def test_code_is_never_run(save, capfd):
    refused(save({"state_dict": Bomb()}), "Python objects")
    assert "code was run" not in capfd.readouterr().out


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.999])
def test_truncated_file(refiner, save, share):
    path = save(refiner)
    contents = path.read_bytes()
    path.write_bytes(contents[: int(len(contents) * share)])
    refused(path, "damaged")


def test_a_container_that_holds_itself(save):
    contents = {"a": [1]}
    contents["b"] = [contents, contents]
    refused(save(contents), "no tensor")


def test_files_of_another_kind(refiner, save, tmp_path):
    refused(tmp_path / "absent.pth", "none")
    refused(tmp_path, "a folder")
    (tmp_path / "text.pth").write_text("not a checkpoint")
    refused(tmp_path / "text.pth", "damaged")
    refused(save({"losses": [1.0, 2.0]}), "got no tensor", "state dict")
    refused(save(torch.zeros(3)), "another network")
    refused(save({"conv1.weight": torch.zeros(1)}), "another network (keys like conv1.weight)")
    refused(save(CRAFT(0.0625)), "expected the checkpoint of a link refiner", "got a CRAFT detector")
    broken = refiner.state_dict()
    broken["aspp1.0.bias"] = torch.full_like(broken["aspp1.0.bias"], float("nan"))
    refused(save(broken), "NaN", "aspp1.0.bias")


FLAWS = {
    "int32": lambda weight: weight.to(torch.int32),
    "int8": lambda weight: (weight * 100).to(torch.int8),
    "bool": lambda weight: weight > 0,
    "complex64": lambda weight: weight.to(torch.complex64),
    "sparse_coo": lambda weight: weight.to_sparse(),
    "sparse_csr": lambda weight: weight.reshape(len(weight), -1).to_sparse_csr(),
    "no numbers": lambda weight: weight.to("meta"),
    "qint8": lambda weight: torch.quantize_per_tensor(weight, 0.1, 0, torch.qint8),
    "stand for several": lambda weight: torch.zeros(1).expand(weight.shape),
    "bytes of weights": lambda _: torch.zeros(1, 1).expand(1 << 20, 1 << 12),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("key", ["aspp1.0.weight", "last_conv.1.running_mean"])
@pytest.mark.parametrize("flaw", FLAWS)
def test_tensors_that_are_no_weights_are_refused(refiner, save, flaw, key):
    state = refiner.state_dict()
    refused(save(state | {key: FLAWS[flaw](state[key])}), flaw)
    own = {**state, "last_conv.1.num_batches_tracked": torch.tensor(3)}
    assert read(save(own)).keys() == state.keys(), "a count is no weight"


@pytest.mark.parametrize(
    ("key", "value", "got"),
    [
        ("last_conv.1.running_var", -1.5, "variances of at least 0, got -1.5"),
        ("last_conv.1.running_var", float("nan"), "NaN"),
        ("last_conv.0.weight", float("-inf"), "infinity"),
        ("last_conv.0.weight", torch.tensor(1e300, dtype=torch.float64), "infinity"),
    ],
)
def test_numbers_that_no_network_has(refiner, save, key, value, got):
    state = refiner.state_dict()
    dtype = value.dtype if isinstance(value, torch.Tensor) else torch.float32
    refused(save(state | {key: torch.full(state[key].shape, value, dtype=dtype)}), got, key)


def test_every_flipped_bit_of_a_weight_is_noticed(refiner, save):
    path = save(refiner)
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        parts = [part for part in archive.infolist() if "/data/" in part.filename]
    starts = [
        part.header_offset + 30 + sum(struct.unpack_from("<HH", whole, part.header_offset + 26)) for part in parts
    ]
    sizes = [part.file_size for part in parts]
    places = [start + at for start, size in zip(starts, sizes, strict=True) for at in (0, size // 2, size - 1)]
    rng = random.Random(0)
    for place in rng.sample(places, 24):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        refused(path, "checksums")


def test_flipped_bits_anywhere_are_refused_or_do_no_harm(refiner, save):
    path = save(refiner)
    whole = path.read_bytes()
    rng = random.Random(1)
    for _ in range(40):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        try:
            assert same(read(path), refiner)
        except CheckpointError as exc:
            assert "\n" not in str(exc)  # noqa: PT017 - either is right


def packed_anew(path, **changed):
    """Write a checkpoint again with other contents of some parts, packed as none of torch's are."""
    with zipfile.ZipFile(path) as archive:
        parts = {part.filename: archive.read(part) for part in archive.infolist()}
    with zipfile.ZipFile(path, "w", **changed.pop("options", {})) as archive:
        for name, contents in parts.items():
            archive.writestr(name, changed.get(name.rpartition("/")[2], contents))
    return path


def test_a_file_that_unpacks_to_more_than_it_is(save):
    path = save({"aspp1.0.weight": torch.zeros(1 << 22)})
    refused(packed_anew(path, options={"compression": zipfile.ZIP_DEFLATED}), "packed into fewer")


@pytest.mark.parametrize(
    "pickled",
    [
        b"}" + b"X\1\0\0\0a}" * 20_000 + b"s" * 20_000,
        b"]" + b"]" * 20_000 + b"a" * 20_000,
        b")" + b"\x85" * 20_000,
        b"}q\0X\1\0\0\0ah\0s",
        b"}(K\1K\2)K\3NK\4X\2\0\0\0a\nK\5u",
        b"}" + b"X\xff\xff\0\0" + b"k" * 65535 + b"K\1s",
        b"N",
        b"X\1\0\0\0a",
    ],
    ids=["deep dicts", "deep lists", "deep tuples", "circular", "odd keys", "a long key", "nothing", "text"],
)
def test_what_is_no_dict_of_tensors(save, pickled):
    refused(packed_anew(save({}), **{"data.pkl": b"\x80\x02" + pickled + b"."}))
