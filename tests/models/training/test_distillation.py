import pytest
import torch

from edgereader.models.craft import CRAFT
from edgereader.models.data.samples import TrainingDataError
from edgereader.models.training.distillation import Teacher


@pytest.fixture
def taught(tmp_path):
    """taught(width, strided=False) -> Teacher whose normalisations have seen pictures."""

    def make(width, *, strided=False):
        torch.manual_seed(3)
        network = CRAFT(width, strided=strided).train()
        for _ in range(3):
            network(torch.randn(4, 3, 64, 64))
        torch.save(network.state_dict(), tmp_path / "teacher.pt")
        return Teacher(tmp_path / "teacher.pt", "cpu")

    return make


def maps(network, size=64):
    with torch.no_grad():
        return network.eval()(torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(5)))[0]


@pytest.mark.parametrize("strided", [False, True])
def test_a_network_of_the_same_shape_becomes_the_teacher(taught, strided):
    teacher, network = taught(0.125, strided=strided), CRAFT(0.125, strided=strided)
    teacher.thin(network)
    assert torch.equal(maps(network), maps(teacher.network))


def silence(network):
    """Make every other filter of each hidden layer nearly nothing."""
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d) and module.out_channels > 2:
            module.weight.data[::2] *= 1e-6
            module.bias.data[:] = 0
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean[:], module.running_var[:], module.bias.data[:] = 0, 1, 0


def test_filters_that_do_nothing_are_left_out(taught):
    teacher = taught(0.25)
    silence(teacher.network)
    network = CRAFT(0.125)
    teacher.thin(network)
    assert maps(teacher.network).abs().max() > 0.01
    assert torch.allclose(maps(network), maps(teacher.network), atol=1e-4)


def test_a_strided_convolution_is_the_mean_of_four(taught):
    teacher, network = taught(0.125), CRAFT(0.125, strided=True)
    teacher.thin(network)
    images = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        theirs = torch.nn.functional.avg_pool2d(teacher.network.basenet.slice1[0](images), 2)
        own = network.basenet.slice1[0](images)
    assert torch.allclose(own, theirs, atol=1e-5)


def test_what_is_right_costs_nothing(taught):
    teacher, images = taught(0.125), torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        right = teacher.network(images)[0].clamp(0, 1)
    asked = torch.ones(right.shape[:3])
    assert float(teacher.loss(images, right, asked)) == 0
    assert float(teacher.loss(images, right + 0.5, asked)) > 0.1
    assert float(teacher.loss(images, right + 0.5, asked * 0)) == 0


@pytest.mark.parametrize(
    ("wide", "thin"),
    [((0.125, False), (0.25, False)), ((0.125, True), (0.125, False)), ((0.125, True), (0.0625, False))],
)
def test_a_teacher_that_does_not_fit_is_refused(taught, wide, thin):
    teacher = taught(wide[0], strided=wide[1])
    with pytest.raises(TrainingDataError, match=r"teacher\.pt: expected a teacher as wide .*; change --width"):
        teacher.thin(CRAFT(thin[0], strided=thin[1]))
