import pytest

from edgereader.models.training.fonts import FontPool, find_fonts, is_usable
from edgereader.models.training.samples import TrainingDataError


def test_a_folder_without_fonts_is_one_clear_error(tmp_path):
    with pytest.raises(TrainingDataError, match="apt install fonts-dejavu-core"):
        FontPool((tmp_path,))


def test_a_damaged_font_is_left_out(tmp_path):
    (tmp_path / "broken.ttf").write_bytes(b"\0\1\0\0 no font")
    assert not is_usable(tmp_path / "broken.ttf")


def test_displays_and_symbols_are_no_text_fonts(fonts):
    assert fonts.paths
    assert not any("dseg" in path.name.lower() for path in fonts.paths)


def test_fonts_are_found_once_for_each_set_of_folders(fonts):
    folders = tuple({path.parent for path in fonts.paths})
    assert find_fonts(folders) is find_fonts(folders)
