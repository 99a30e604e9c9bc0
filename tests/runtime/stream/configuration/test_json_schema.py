import json
import re

from edgereader.runtime.stream.configuration.json_schema import EXAMPLE, explained, json_schema
from edgereader.runtime.stream.settings import Settings


def test_the_schema_has_every_key_its_bounds_and_what_it_does():
    schema = json.loads(json.dumps(json_schema()))
    settings = schema["$defs"]["Settings"]
    assert schema["$ref"] == "#/$defs/Settings"
    assert set(settings["properties"]) == set(Settings.__struct_fields__)
    assert settings["required"] == ["camera"]
    number = schema["$defs"]["Number"]
    assert number["additionalProperties"] is False
    assert (number["properties"]["decimals"]["minimum"], number["properties"]["decimals"]["maximum"]) == (0, 9)
    assert "behind the point" in number["properties"]["decimals"]["description"]
    assert set(number["properties"]["kind"]["enum"]) == {"free", "plate", "counter"}
    assert "topics" in settings["properties"]["name"]["description"]


def test_its_patterns_are_such_as_an_editor_knows():
    patterns = re.findall(r'"pattern": "(.*?)"', json.dumps(json_schema()))
    assert patterns
    assert not [pattern for pattern in patterns if r"\Z" in pattern]


def test_what_the_example_says_of_a_key():
    text = '# A file.\n\nname = "a" # of all\n[[number]]\n# One\n# two\n#digits = 0\n#unit = ""\n'
    assert list(explained(text)) == [(None, "name", "of all"), ("number", "digits", "One two")]
    assert len(list(explained(EXAMPLE.read_text(encoding="utf-8")))) > 60
