from pathlib import Path

import numpy as np
import pytest

from edgereader.models.data.samples import TrainingDataError
from edgereader.models.synthesis.fonts import FontPool, is_usable


def test_a_folder_without_fonts_is_one_clear_error(tmp_path):
    with pytest.raises(TrainingDataError, match="apt install fonts-dejavu-core"):
        FontPool((tmp_path,))


def test_a_damaged_font_is_left_out(tmp_path):
    (tmp_path / "broken.ttf").write_bytes(b"\0\1\0\0 no font")
    assert not is_usable(tmp_path / "broken.ttf")


def test_displays_are_no_text_fonts():
    displays = sorted(Path("/usr/share/fonts/truetype/dseg").glob("*.ttf"))
    assert displays
    assert not any(is_usable(path) for path in displays)


def test_bold_fonts_are_heavy_by_name_where_there_are_any(fonts, tmp_path):
    rng = np.random.default_rng(0)
    assert all("Bold" in fonts.draw(rng, bold=True).getname()[1] for _ in range(30))
    light = next(path for path in fonts.paths if "Bold" not in path.name)
    (tmp_path / light.name).write_bytes(light.read_bytes())
    assert FontPool((tmp_path,)).draw(rng, bold=True).getname()


def test_text_fonts_are_drawn_by_a_seed(fonts):
    first, second = (fonts.draw(np.random.default_rng(3)).getname() for _ in range(2))
    assert first == second
    assert {fonts.draw(np.random.default_rng(seed)).getname() for seed in range(20)} > {first}
