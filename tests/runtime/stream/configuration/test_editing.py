import stat

import pytest

from edgereader.runtime.errors import ConfigError
from edgereader.runtime.stream.configuration.config import draft_config, load
from edgereader.runtime.stream.configuration.editing import Edit, Editor, Outdated, Refused, revision

from .written import GAS, REGION, TEXT, WATER


@pytest.fixture
def editor(tmp_path):
    """An editor of a file; what it applied is in its `applied`."""
    path, applied = tmp_path / "cellar.toml", []
    path.write_text(TEXT, encoding="utf-8")
    path.chmod(0o640)

    def prepare(settings):
        if settings.numbers[0].unit == "bad":
            raise ConfigError("the stream refuses")
        return lambda: applied.append(settings)

    made = Editor(path, lambda text: draft_config(path, text=text), prepare)
    made.path, made.applied = path, applied
    return made


def edit(editor, numbers, masks=()):
    return Edit(editor.now()["revision"], [dict(number) for number in numbers], list(masks))


def test_what_can_be_changed(editor):
    now = editor.now()
    assert (now["file"], now["mask"], now["revision"]) == ("cellar.toml", [], revision(TEXT))
    assert [number["name"] for number in now["number"]] == ["water", "gas"]
    assert now["number"][0]["region"] is None
    assert now["number"][1]["region"] == [(0.1, 0.1), (0.9, 0.1), (0.9, 0.2)]


def test_an_edit_is_written_with_one_backup_and_applied(editor, tmp_path):
    editor.save(edit(editor, [WATER, GAS], [REGION]))
    assert load(editor.path).number[0].decimals == 3
    assert load(editor.path).number[0].pattern == "[0-9]+"
    assert [len(settings.mask) for settings in editor.applied] == [1]
    backup = tmp_path / "cellar.toml.bak"
    assert backup.read_text(encoding="utf-8") == TEXT
    assert [stat.S_IMODE(path.stat().st_mode) for path in (editor.path, backup)] == [0o640, 0o640]
    before = editor.path.read_text(encoding="utf-8")
    editor.save(edit(editor, [WATER], []))
    assert backup.read_text(encoding="utf-8") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cellar.toml", "cellar.toml.bak"]


@pytest.mark.parametrize(
    ("numbers", "masks", "place", "said"),
    [
        ([{**WATER, "digits": 99}], [], ["number", 0, "digits"], "expected a whole number from 0 to 18, got 99"),
        ([WATER, {**GAS, "name": "a b"}], [], ["number", 1, "name"], "expected 1 to 64 of A-Z"),
        ([WATER, {**GAS, "name": "water"}], [], ["number", 1, "name"], "got 'water' twice"),
        ([{**WATER, "digits": 3}], [], ["number", 0, "decimals"], "expected fewer than digits (3), got 3"),
        ([{**WATER, "region": [[0, 0], [1, 1], [0.5, 0.5]]}], [], ["number", 0, "region"], "corners around an area"),
        ([{**WATER, "region": [[0, 0], [2, 0], [1, 1]]}], [], ["number", 0, "region"], "from 0 to 1, got 2"),
        ([{**WATER, "region": [[0, 0], [1, 1]]}], [], ["number", 0, "region"], "expected a list of 3 to 64"),
        ([{**WATER, "kind": {"a": 1}}], [], ["number", 0, "kind"], "got a table"),
        ([{**WATER, "pattern": "("}], [], ["number", 0, "pattern"], "expected one of name, kind"),
        ([{**WATER, "was": "0"}], [], ["number", 0, "was"], "expected the place of a number"),
        ([WATER], ["x"], ["mask", 0], "got the text"),
        ([{**GAS, "digits": 5}], [], ["number", 0, "digits"], 'expected kind = "counter" with it'),
    ],
)
def test_a_wrong_edit_is_refused_with_its_place_and_changes_nothing(editor, numbers, masks, place, said):
    with pytest.raises(Refused) as refused:
        editor.save(edit(editor, numbers, masks))
    ((where, what), *_) = refused.value.places
    assert where[: len(place)] == place
    assert said in what
    assert editor.path.read_text(encoding="utf-8") == TEXT
    assert not editor.applied
    assert not (editor.path.parent / "cellar.toml.bak").exists()


def test_what_the_stream_refuses_or_the_disk_does_not_take_changes_nothing(editor, monkeypatch):
    with pytest.raises(ConfigError, match="the stream refuses"):
        editor.save(edit(editor, [{**WATER, "unit": "bad"}]))

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edgereader.runtime.stream.configuration.editing.write_whole", full)
    with pytest.raises(OSError, match="No space"):
        editor.save(edit(editor, [WATER]))
    assert editor.path.read_text(encoding="utf-8") == TEXT
    assert not editor.applied


def test_a_file_that_somebody_else_changes_is_not_overwritten(editor):
    late = edit(editor, [WATER])
    editor.path.write_text(TEXT + "# mine\n", encoding="utf-8")
    with pytest.raises(Outdated, match="got one that has changed"):
        editor.save(late)
    editor.path.write_text("[camera]\nsource = 0\nfps = 'x'\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"cellar.toml:3: camera.fps: expected a number"):
        editor.now()
