import pytest
import torch

from edgereader.models.training.detector_loss import FEWEST, detector_loss, mined, normalised


def test_only_the_hardest_negatives_count():
    targets = torch.zeros(1, 64, 64)
    targets[0, 0, :10] = 1
    errors = torch.full((1, 64, 64), 0.01)
    errors[0, 0, :10] = 0.5
    errors[0, 32:, :] = 0
    errors[0, 20, :] = 2.0
    expected = (64 * 2.0 + (FEWEST - 64) * 0.01) / FEWEST + 0.5
    assert float(mined(errors, targets)) == pytest.approx(expected, rel=1e-4)


def test_three_negatives_a_positive_when_there_is_much_text():
    targets = torch.zeros(1, 64, 64)
    targets[0, :16] = 1
    errors = torch.zeros(1, 64, 64)
    errors[0, 32] = 3.0
    assert float(mined(errors, targets)) == pytest.approx(64 * 3.0 / (3 * 16 * 64))


def test_a_scene_without_text_teaches_by_its_worst_pixels():
    maps = torch.zeros(1, 64, 64, 2)
    maps[0, 5, 5, 0] = 1
    loss = detector_loss(maps, torch.zeros_like(maps), torch.ones(1, 64, 64))
    assert float(loss) == pytest.approx(1 / FEWEST)


def test_where_the_weight_is_zero_nothing_is_asked():
    maps, weight = torch.ones(1, 64, 64, 2), torch.ones(1, 64, 64)
    weight[:] = 0
    assert float(detector_loss(maps, torch.zeros_like(maps), weight)) == 0


def test_everything_may_be_text():
    ones = torch.ones(1, 8, 8, 2)
    assert float(detector_loss(ones * 0.5, ones, torch.ones(1, 8, 8))) == pytest.approx(0.5)


def test_camera_bytes_become_normalised_rgb():
    image = torch.zeros(1, 2, 2, 3, dtype=torch.uint8)
    image[..., 0] = 255
    seen = normalised(image)
    assert seen.shape == (1, 3, 2, 2)
    assert seen[0, :, 0, 0].tolist() == pytest.approx([-0.485 / 0.229, -0.456 / 0.224, (1 - 0.406) / 0.225], rel=1e-4)
