"""A session whose network runs elsewhere; the link to it is a stand-in."""

import pickle

import numpy as np
import pytest

from edgereader.runtime.errors import BackendError, BundleError
from edgereader.runtime.sessions.binding import bind_canvases, bind_crops
from edgereader.runtime.sessions.triton.remote import RemoteSession


class Link:
    """Keeps what is sent, and answers with what it was told to."""

    name = "link"

    def __init__(self, **answer):
        self.answer, self.sent, self.waited = answer, [], 0

    def send(self, kind, identity, inputs):
        self.sent.append((kind, identity, {name: array.copy() for name, array in inputs.items()}))

        def wait():
            self.waited += 1
            return self.answer

        return wait


def maps(rows=1, value=0.5, dtype=np.float32):
    return np.full((rows, 16, 32), value, dtype)


def test_only_the_rows_of_a_batch_go_there_and_come_back(bundle, describe):
    served = describe("recognizer")
    steps, classes = served.outputs["log_probs"][1:]
    link = Link(symbols=np.full((2, steps), 3), log_probs=np.full((2, steps, classes), -1, np.float32))
    binding = bind_crops(RemoteSession(link, bundle, "recognizer", served), bundle.recognizer, (4, 32, 100, 1))
    binding.inputs["crops"][:] = np.arange(4, dtype=np.uint8).reshape(4, 1, 1, 1)
    binding.inputs["allowed"][:] = np.arange(classes)
    binding.run(2)
    ((kind, identity, sent),) = link.sent
    assert (kind, identity) == ("recognizer", served.identity)
    assert np.array_equal(sent["crops"][:, 0, 0, 0], [0, 1])
    assert np.array_equal(sent["allowed"], np.tile(np.arange(classes, dtype=np.float32), (2, 1)))
    assert (binding.outputs["symbols"][:2] == 3).all()
    assert not binding.outputs["symbols"][2:].any()
    assert (binding.outputs["log_probs"][:2] == -1).all()


def test_it_waits_when_it_is_asked_to_and_once(bundle, describe):
    link = Link(region=maps(value=0.25), affinity=maps())
    binding = bind_canvases(RemoteSession(link, bundle, "detector", describe("detector")), (1, 32, 64, 3))
    binding.start(1)
    assert (len(link.sent), link.waited) == (1, 0)
    assert not binding.outputs["region"].any()
    binding.wait()
    binding.wait()
    assert link.waited == 1
    assert (binding.outputs["region"] == 0.25).all()


@pytest.mark.parametrize(
    ("answer", "got"),
    [
        ({"affinity": maps()}, "got nothing"),
        ({"region": maps(rows=2), "affinity": maps()}, r"got float32 \(2, 16, 32\)"),
        ({"region": maps(dtype=np.float64), "affinity": maps()}, r"got float64 \(1, 16, 32\)"),
    ],
)
def test_an_answer_of_another_shape_or_type_is_refused(answer, got, bundle, describe):
    session = RemoteSession(Link(**answer), bundle, "detector", describe("detector"))
    binding = bind_canvases(session, (1, 32, 64, 3))
    with pytest.raises(BackendError, match=rf"link: region: expected float32 \(1, 16, 32\), {got}"):
        binding.run(1)


def test_another_bundles_network_is_refused(bundle, describe):
    with pytest.raises(BackendError, match=r"link: expected the detector of .*, got another one"):
        RemoteSession(Link(), bundle, "detector", describe("detector", identity="0" * 64))


def test_a_precision_that_is_not_served(bundle, describe):
    assert RemoteSession(Link(), bundle, "detector", describe("detector"), "fp32").precision == "fp32"
    with pytest.raises(BundleError, match="link: expected the detector in int8, got one in fp32; leave the precision"):
        RemoteSession(Link(), bundle, "detector", describe("detector"), "int8")


def test_limits_hold(bundle, describe, small):
    session = RemoteSession(Link(), bundle, "detector", describe("detector", limits=small))
    assert session.limits("image") == small
    assert session.limits("allowed") is None
    bind_canvases(session, (1, 64, 96, 3))
    with pytest.raises(BackendError, match=r"link: image: expected \(1, 32, 32, 3\) to \(1, 64, 96, 3\), got"):
        bind_canvases(session, (1, 96, 96, 3))


def test_other_inputs_and_outputs_than_the_networks(bundle, describe):
    session = RemoteSession(Link(), bundle, "detector", describe("detector"))
    with pytest.raises(BackendError, match=r"link: expected \['affinity', 'image', 'region'\] in and out"):
        session.bind({"image": (1, 32, 64, 3)}, batched=("image",))
    with pytest.raises(BackendError, match="link: expected an output 'log_probs'"):
        session.output_shape("log_probs")


def test_it_stays_in_its_process(bundle, describe):
    with pytest.raises(BackendError, match="got a RemoteSession"):
        pickle.dumps(RemoteSession(Link(), bundle, "detector", describe("detector")))
