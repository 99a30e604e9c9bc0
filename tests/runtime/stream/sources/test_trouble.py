from edgereader.runtime.stream.sources.trouble import Trouble


def test_trouble_is_said_once_when_it_changes_and_when_it_is_over(caplog):
    trouble = Trouble()
    trouble.over("never was")
    for line in ("full", "full", "gone", "gone"):
        trouble.say(line)
    trouble.over("well")
    trouble.over("well")
    trouble.say("full")
    assert [record.message for record in caplog.records] == ["full", "gone", "well", "full"]
    assert {record.name for record in caplog.records} == {"edgereader"}
