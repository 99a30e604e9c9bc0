import re

import msgspec
import pytest

from edgereader.runtime.stream.configuration.toml_text import with_numbers, with_options

from .written import GAS, REGION, TEXT, WATER

NEW = {"was": None, "name": "power", "kind": "counter", "region": REGION, "digits": 6, "decimals": 0, "unit": ""}


def comments(text):
    return re.findall(r"# ?[^\n]*", text)


def test_keys_are_changed_and_all_else_is_as_it_was():
    text = with_numbers(TEXT, [WATER, GAS], [])
    assert comments(text) == comments(TEXT)
    added = 'region = [[0.1, 0.4], [0.9, 0.4], [0.9, 0.6], [0.1, 0.6]]\ndecimals = 3\nunit = "m³"\n'
    assert text == TEXT.replace("digits = 8\n", f"digits = 8\n{added}")
    assert with_numbers(text, [WATER, GAS], []) == text
    assert with_numbers(TEXT, [{**WATER, "region": None, "decimals": 0, "unit": ""}, GAS], []) == TEXT


def test_numbers_come_and_go_and_comments_stay_where_they_were():
    text = with_numbers(TEXT, [WATER, GAS, NEW], [])
    assert comments(text) == comments(TEXT)
    assert text.index('name = "power"') < text.index("# For the phone.\n[http]")
    assert '\n\n[[number]]\nname = "power"\n' in text
    assert "unit" not in text[text.index("power") :], "a default is not written"
    text = with_numbers(TEXT, [GAS], [])
    assert "# For the phone.\n[http]" in text
    assert "water" not in text.replace("# The water meter.", "")
    text = with_numbers(TEXT, [{**WATER, "was": 0}], [])
    assert "# For the phone.\n[http]" in text
    text = with_numbers(TEXT, [], [])
    assert "# For the phone.\n" in text
    assert "number" not in msgspec.toml.decode(text)


@pytest.mark.parametrize(
    "text",
    [
        "[camera]\nsource = 0",
        "# A camera\n[camera]\nsource = 0\n",
        'name = "x"\n\n# A camera\n[camera]\nsource = 0\n',
        'name = """\nx"""\n[camera]\nsource = 0\n# The end',
        'number = [{name = "a", digits = 5}]\nname = "x"\n[camera]\nsource = 0\n',
        '[[number]]\nname = "a"\n[camera]\nsource = 0\n[[number]]\nname = "b"\n',
        "camera.source = 0\n",
        "camera = {source = 0}\r\nmask = []\r\n",
        '\n\n  [camera]\n  source = 0\n  [[number]]\n  name = "a" # one\n\n\n',
    ],
)
def test_any_way_of_writing_a_configuration_can_be_changed_or_is_refused(text):
    had = msgspec.toml.decode(text).get("number", [])
    numbers = [{"was": at, "name": number["name"], "region": REGION} for at, number in enumerate(had)]
    changed = with_numbers(text, [*numbers, NEW], [REGION])
    data = msgspec.toml.decode(changed)
    assert [number["name"] for number in data["number"]] == [*(number["name"] for number in had), "power"]
    assert [number["region"] for number in data["number"]] == [REGION] * (len(had) + 1)
    assert data["mask"] == [REGION]
    assert data["camera"] == {"source": 0}
    assert data.get("name") == msgspec.toml.decode(text).get("name")
    assert comments(changed) == comments(text)
    if "# A camera" in text:
        assert "# A camera\n[camera]" in changed
    assert with_numbers(changed, [{"was": at} for at in range(len(had) + 1)], [REGION]) == changed


def test_options_are_written_in_the_order_of_the_settings():
    options = {
        ("http", "port"): 8765,
        ("number", 0, "kind"): "counter",
        ("camera", "source"): "meter.mp4",
        ("mqtt", "host"): "h",
        ("name",): "cellar",
    }
    text = with_options("# Mine\n", options)
    assert re.findall(r"^\[+\w+\]+$", text, re.MULTILINE) == ["[camera]", "[[number]]", "[mqtt]", "[http]"]
    assert text.startswith("# Mine\n")
    assert text.index("name = ") < text.index("[camera]")
    again = with_options(text, {("camera", "source"): 0, ("camera", "loop"): True})
    assert again == text.replace('source = "meter.mp4"\n', "source = 0\nloop = true\n")
