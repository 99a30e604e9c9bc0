import torch

from edgereader.benchmarks.networks import SCORE, SPREAD, BytesToText, random_craft, random_recognizer
from edgereader.export.graphs import DetectorGraph, RecognizerGraph
from edgereader.export.parity import random_images

WIDTH = 0.125


def test_the_maps_of_a_random_detector_are_those_of_a_picture_full_of_text():
    network = random_craft(WIDTH)
    images = torch.from_numpy(random_images((2, 128, 160, 3), seed=9))
    with torch.inference_mode():
        maps = torch.stack(DetectorGraph(network)(images))
    assert abs(maps.mean() - SCORE) < 0.05
    assert abs(maps.std() - SPREAD) < 0.05
    assert not network.training
    again = random_craft(WIDTH).state_dict()
    assert all(torch.equal(value, again[key]) for key, value in network.state_dict().items())


def test_no_activation_of_a_random_network_leaves_float16():
    largest = []
    for network, images in (
        (DetectorGraph(random_craft(WIDTH)), random_images((1, 128, 160, 3), seed=3)),
        (BytesToText(random_recognizer(WIDTH)), random_images((2, 32, 100, 1), seed=3)),
    ):
        for module in network.modules():
            if not list(module.children()):
                module.register_forward_hook(
                    lambda _module, _inputs, output: largest.append(
                        max(float(tensor.abs().max()) for tensor in flat(output))
                    )
                )
        with torch.inference_mode():
            network.eval()(torch.from_numpy(images))
    assert len(largest) > 100
    assert max(largest) < 65504 / 16


def flat(output):
    return [output] if isinstance(output, torch.Tensor) else [tensor for part in output for tensor in flat(part)]


def test_a_random_recognizer_gives_what_its_graph_gives():
    network = random_recognizer(WIDTH)
    crops = torch.from_numpy(random_images((8, 32, 100, 1), seed=4))
    with torch.inference_mode():
        symbols, log_probs = BytesToText(network)(crops)
        _, exported = RecognizerGraph(network).eval()(crops, torch.zeros(38))
    assert symbols.shape == log_probs.shape[:2] == (8, 26)
    assert torch.allclose(log_probs[:, 0], exported[:, 0], atol=5e-3)
    assert log_probs[:, 0].std(dim=0).mean() > 1e-4
