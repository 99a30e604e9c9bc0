import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgereader.runtime.errors import ConfigError
from edgereader.runtime.stream import settings as structs
from edgereader.runtime.stream.configuration.config import LARGEST_BYTES, load, read_config
from edgereader.runtime.stream.settings import Settings, Table

EXAMPLE = Path(structs.__file__).with_name("example.toml").read_text(encoding="utf-8")
EVERYTHING = re.sub(r"^#(?=\w+ = |\[)", "", EXAMPLE, flags=re.MULTILINE)
"""The example with all its keys."""
TABLES = {kind.__name__: kind for kind in vars(structs).values() if isinstance(kind, type) and issubclass(kind, Table)}
del TABLES["Table"]


def keys_of(kind, place=""):
    for field in msgspec.structs.fields(kind):
        yield f"{place}{field.name}", field
        inner = next((table for name, table in TABLES.items() if re.search(rf"\b{name}\b", str(field.type))), None)
        if inner:
            yield from keys_of(inner, f"{field.name}.")


def test_the_example_has_every_key_with_its_default():
    data = msgspec.toml.decode(EVERYTHING)
    assert len(list(keys_of(Settings))) > 70
    for name, field in keys_of(Settings):
        value = data
        for key in name.split("."):
            value = value[0] if isinstance(value, list) else value
            assert key in value, f"{name} is not in example.toml"
            value = value[key]
        is_table = isinstance(value, dict) or (isinstance(value, list) and isinstance(value[0], dict))
        if field.default in {None, msgspec.NODEFAULT} or is_table:
            continue  # absent by default, so that the example can only show one
        assert value == field.default, name
        assert type(value) is type(field.default), name


def test_the_example_with_every_key_is_right(write, tmp_path):
    for name in ("ca.pem", "token", "camera-password", "mqtt-password"):
        (tmp_path / name).write_text("0123456789abcdef0123\n")
    text = EVERYTHING.replace('#kind = "free"', 'kind = "counter"').replace('kind = "free"', 'kind = "counter"')
    text = (
        text.replace('name = "camera"', 'name = "cellar"', 1)
        .replace("\nsource = 0", '\nsource = "rtsp://camera/stream"')
        .replace("\ntls = false", "\ntls = true")
        .replace("\ndigits = 0", "\ndigits = 6")
    )
    loaded = load(write(text))
    assert loaded.camera.password_file == str(tmp_path / "camera-password")
    assert loaded.mqtt.password_file == str(tmp_path / "mqtt-password")
    assert loaded.http.token_file == str(tmp_path / "token")
    assert loaded.history.path == str(tmp_path / "edgereader-history.sqlite")
    assert loaded.evidence.folder == str(tmp_path / "edgereader-evidence")


CAMERA = "[camera]\nsource = 0\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1: camera: expected a table, got nothing"),
        ("[camera]\n", "1: camera.source: expected text or a whole number, got nothing"),
        ("[camera]\nsource = 1.5", "2: camera.source: expected text or a whole number, got 1.5"),
        ("[camera]\nsource = true", "2: camera.source: expected text or a whole number, got true"),
        ("camera = 3", "1: camera: expected a table, got 3"),
        (f"{CAMERA}fps = -1", "3: camera.fps: expected a number from 0 to 1000, got -1"),
        (f"{CAMERA}fps = nan", "3: camera.fps: expected a finite number, got nan"),
        (f"{CAMERA}frozen_s = inf", "3: camera.frozen_s: expected a finite number, got inf"),
        (f"{CAMERA}timeout_s = 0", "3: camera.timeout_s: expected a number above 0 to 10000000, got 0"),
        (f"{CAMERA}turn = 45", "3: camera.turn: expected one of 0, 90, 180, 270, got 45"),
        (f"{CAMERA}loop = 1", "3: camera.loop: expected true or false, got 1"),
        (f"{CAMERA}loop = 1979-05-27", "3: camera.loop: expected true or false, got 1979-05-27"),
        (f"{CAMERA}size = [640]", "3: camera.size: expected [a whole number from 1 to 1000000, a whole number from"),
        (f"{CAMERA}fsp = 3", "3: camera.fsp: expected a known key, got this one; is it fps?"),
        (f'{CAMERA}"a b`.c" = 3', "3: camera.a b`.c: expected a known key, got this one; known are source, username"),
        (f"zzz = 1\n{CAMERA}", "1: zzz: expected a known key, got this one; known are name, camera"),
        (f'name = "a b"\n{CAMERA}', "1: name: expected 1 to 64 of A-Z, a-z, 0-9, - and _, the first no sign, got"),
        (f'name = """\na\n"""\n{CAMERA}', "1: name: expected 1 to 64 of"),
        (f'{CAMERA}[[number]]\n[[number]]\nname="b"\nkind = "meter"', '6: number.kind: expected one of "counter", '),
        (
            f"{CAMERA}[[number]]\nregion = [\n  [0, 0], # [\n  [1, 0],\n  [1,\n 1.5]]",
            "4: number.region: expected a number from 0 to 1, got 1.5",
        ),
        (f"{CAMERA}[[number]]\nregion = [[0, 0], [1, 1]]", "4: number.region: expected a list of 3 to 64 of [a number"),
        (
            f"mask = [[[0, 0], [1, 1]]]\n{CAMERA}",
            "1: mask: expected a list of 3 to 64 of [a number from 0 to 1, a numb",
        ),
        (f"{CAMERA}[mqtt]\nport = 1", "3: mqtt.host: expected text, got nothing"),
        (f"{CAMERA}[mqtt]\nhost = {{}}", "4: mqtt.host: expected text, got a table"),
        (f'{CAMERA}http.port = "80"', "3: camera.http: expected a known key, got this one; known"),
        (f'http.port = "80"\n{CAMERA}', '1: http.port: expected a whole number from 1 to 65535, got the text "80"'),
        ("[camera]\nsource =", "2: expected TOML, got: Invalid value"),
        ("[camera]\nsource = 0\nsource = 1", "3: expected TOML, got: Cannot overwrite a value"),
        ("a = [\n\n", "3: expected TOML, got: Invalid value"),
        (f"x = {'[' * 5000}", "1: expected TOML, got: "),
        (b"[camera]\n\xff", "2: expected UTF-8 text, got other bytes"),
    ],
)
def test_a_mistake_is_reported_in_a_line_with_its_place(problems, text, expected):
    (problem,) = problems(text)
    assert problem.startswith(expected)


def test_all_mistakes_are_reported_in_the_order_of_their_lines(problems):
    text = (
        'name = ""\n[camera]\nsource = 0\nfps = "a"\n[[number]]\nkind = 1\n[[number]]\nx = 2\nkind = 3\n[http]\ny = 1'
    )
    assert [problem.partition(": ")[0] for problem in problems(text)] == ["1", "4", "6", "8", "9", "11"]


def test_a_value_that_may_be_secret_is_not_reported(problems):
    found = problems(f'{CAMERA}[mqtt]\nhost = "mqtt://me:geheim@broker"\npassword = "geheim"\n[http]\ntoken = "geheim"')
    assert [line.partition(": expected")[0] for line in found] == ["1: name", "5: mqtt.password", "7: http.token"]
    found += problems(f'{CAMERA}[mqtt]\nhost = "mqtt://me:geheim@broker"')
    found += problems('[camera]\npreset = "jetson-csi"\nsource = "rtsp://me:geheim@camera/1"')
    found += problems('[camera]\nsource = 0\nfps = "rtsp://me:geheim@camera/1"')
    found += problems('[camera]\nsource = 0\npreset = "me:geheim@camera/1"')
    assert "geheim" not in " ".join(found)


def test_a_file_that_is_not_there_or_too_large(tmp_path, write):
    with pytest.raises(ConfigError, match="expected a configuration, got: No such file"):
        load(tmp_path / "nix.toml")
    with pytest.raises(ConfigError, match="expected a configuration, got: Is a directory"):
        load(tmp_path)
    with pytest.raises(ConfigError, match=f"at most {LARGEST_BYTES} bytes"):
        load(write("#" * (LARGEST_BYTES + 1)))


def test_a_byte_order_mark_is_no_mistake(write):
    assert load(write(b"\xef\xbb\xbf" + CAMERA.encode())).camera.source == 0


def test_paths_count_from_the_configuration_and_what_is_written_from_another_folder(write, tmp_path, monkeypatch):
    (tmp_path / "video.mp4").touch()
    text = '[camera]\nsource = "video.mp4"\n[reader]\nbundle = "./mine"\n[history]\n[[jsonl]]\npath = "/tmp/x.jsonl"\n'
    path = write(f'{text}[[jsonl]]\npath = "y.jsonl"\n')
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    config = read_config(Path("../camera.toml"), folder=Path())
    assert (config.path, config.folder) == (path, tmp_path / "elsewhere")
    assert config.settings.camera.source == str(tmp_path / "video.mp4")
    assert config.settings.reader.bundle == str(tmp_path / "mine")
    assert config.settings.history.path == str(tmp_path / "elsewhere/edgereader-history.sqlite")
    assert [file.path for file in config.settings.jsonl] == ["/tmp/x.jsonl", str(tmp_path / "elsewhere/y.jsonl")]
    assert load(path).history.path == str(tmp_path / "edgereader-history.sqlite")


def test_options_go_before_the_file(write):
    path = write(f'{CAMERA}[[number]]\nname = "gate"\nkind = "free"\n[[jsonl]]\n')
    options = {("camera", "source"): 3, ("number", 0, "kind"): "plate", ("http", "port"): 80, ("name",): "x"}
    config = read_config(path, options, ["/tmp/z", "-"])
    assert config.settings.camera.source == 3
    assert config.settings.number == [structs.Number(name="gate", kind="plate")]
    assert config.settings.http == structs.Http(port=80)
    assert (config.settings.name, [file.path for file in config.settings.jsonl]) == ("x", ["-", "/tmp/z"])


def test_options_alone_are_a_configuration(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    config = read_config(None, {("camera", "source"): 0, ("evidence", "keep"): "all"})
    assert (config.path, config.folder) == (None, tmp_path)
    assert config.settings.evidence.folder == str(tmp_path / "edgereader-evidence")


def test_a_mistake_of_an_option_is_reported_without_a_line(problems):
    options = {("http", "port"): 0, ("reader", "pattern"): "("}
    assert [line.partition(", got")[0] for line in problems(CAMERA, options=options)] == [
        "command line: http.port: expected a whole number from 1 to 65535",
        "command line: reader.pattern: expected a regular expression",
    ]
    options = {("reader", "pattern"): "("}
    assert problems(f'{CAMERA}[reader]\npattern = "a"', options=options)[0].startswith("command line: reader.pattern")


def test_an_option_about_one_of_several_numbers_is_refused(problems):
    (problem,) = problems(
        f'{CAMERA}[[number]]\nname = "a"\n[[number]]\nname = "b"', options={("number", 0, "kind"): "free"}
    )
    assert problem.startswith("3: number: expected one number, for an option about it, got several")


def test_options_do_not_hide_what_is_wrong_in_the_file(problems):
    assert problems("camera = 3", options={("camera", "source"): 0}) == ["1: camera: expected a table, got 3"]
    assert problems(f"number = [3]\n{CAMERA}", options={("number", 0, "kind"): "free"})[0].startswith("1: number: ")


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_file_loads_or_is_a_configuration_error(tmp_path_factory, contents):
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(contents)
    with pytest.raises(ConfigError):
        load(path)


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.dates()).filter(
    lambda value: value is not None
)


@given(st.data())
def test_any_value_at_any_key_loads_or_is_reported_with_its_line(tmp_path_factory, data):
    from edgereader.runtime.stream.configuration.schema import convert

    name = data.draw(st.sampled_from([key for key, _ in keys_of(Settings)]))
    value = data.draw(
        st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(st.text(), SCALARS, max_size=2))
    )
    whole = {"camera": {"source": 0}}
    table, place = whole, ()
    for key in name.split(".")[:-1]:
        in_list = key in {"number", "jsonl"}
        table = table.setdefault(key, [{}])[0] if in_list else table.setdefault(key, {})
        place += (key, 0) if in_list else (key,)
    table[name.split(".")[-1]] = value
    found, problems = convert(whole)
    assert found is not None or problems
    for problem in problems:
        assert "\n" not in str(problem)
        assert problem.place[: len(place)] == place or problem.place == ("mqtt", "host")


def test_numbers_are_written_as_the_reader_says_unless_they_say_otherwise(write):
    text = "[camera]\nsource = 0\n[reader]\ndecimal = ','\nthousands = '. '\n[[number]]\nname = 'a'\n[[number]]\n"
    loaded = load(write(text + "name = 'b'\ndecimal = '.'\n"))
    assert [(number.decimal, number.thousands) for number in loaded.numbers] == [(",", ". "), (".", None)]
