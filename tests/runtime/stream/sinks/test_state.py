import json

import pytest

from edgereader.runtime.stream.sinks.history import History
from edgereader.runtime.stream.sinks.state import KEY, SAVE_S, Keeper, StateFile

from ..fakes import Clock


class Emitter:
    """Counts."""

    def __init__(self):
        self.state, self.restored = {"count": 0}, None

    def restore(self, state):
        self.restored = state


@pytest.fixture(params=["file", "history"])
def open_store(request, tmp_path):
    def open_store():
        return StateFile(tmp_path / "a.state.json") if request.param == "file" else History(tmp_path / "h.sqlite", 9, 9)

    return open_store


def test_a_state_outlives_a_restart(open_store):
    emitter = Emitter()
    keeper = Keeper(emitter, open_store())
    assert emitter.restored is None
    emitter.state = {"count": 3, "text": "³"}
    keeper.save(now=True)
    again = Emitter()
    Keeper(again, open_store())
    assert again.restored == {"count": 3, "text": "³"}


def test_it_is_saved_rarely_and_when_it_changed(tmp_path):
    path, emitter, clock = tmp_path / "a.json", Emitter(), Clock()
    keeper = Keeper(emitter, StateFile(path), clock)
    keeper.save()
    assert not path.exists()
    clock.add(SAVE_S)
    keeper.save()
    assert json.loads(path.read_bytes()) == {KEY: {"count": 0}}
    path.unlink()
    clock.add(SAVE_S)
    keeper.save()
    assert not path.exists(), "it did not change"
    emitter.state = {"count": 1}
    clock.add(SAVE_S / 2)
    keeper.save()
    assert not path.exists(), "it is not time"
    keeper.save(now=True)
    assert json.loads(path.read_bytes()) == {KEY: {"count": 1}}


@pytest.mark.parametrize("contents", ["", "{", "[]", '{"teller"', "\x00"])
def test_a_damaged_file_is_reported_and_begun_anew(tmp_path, caplog, contents):
    (tmp_path / "a.json").write_text(contents)
    store = StateFile(tmp_path / "a.json")
    assert store.get_state(KEY) is None
    assert "counters begin anew" in caplog.text
    store.set_state(KEY, 1)
    assert StateFile(tmp_path / "a.json").get_state(KEY) == 1


def test_a_disk_that_is_full_is_reported_once_and_tried_again(tmp_path, caplog):
    (tmp_path / "folder").mkdir()
    emitter = Emitter()
    keeper = Keeper(emitter, StateFile(tmp_path / "folder/a.json"))
    (tmp_path / "folder").rmdir()
    (tmp_path / "folder").touch()
    keeper.save(now=True)
    keeper.save(now=True)
    assert caplog.text.count("cannot be saved") == 1
    (tmp_path / "folder").unlink()
    keeper.save(now=True)
    assert "saved again" in caplog.text
    assert StateFile(tmp_path / "folder/a.json").get_state(KEY) == emitter.state
