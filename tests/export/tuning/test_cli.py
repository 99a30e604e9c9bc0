from pathlib import Path

from click.testing import CliRunner

from edgereader.export.tuning import tune as module
from edgereader.export.tuning.cli import lines, tune
from edgereader.export.tuning.comparison import Comparison, Score
from edgereader.export.tuning.tune import Tuned

BETTER = Comparison(Score("int8", 5, 100), Score("int8", 7, 101), 10, 200)
FORGETS = Comparison(Score("int8", 5, 100), Score("fp32", 7, 50), 10, 200)


def test_old_stands_beside_new():
    told = list(lines(Tuned(Path("new"), BETTER, ("int8: 97 % of the strings",))))
    assert told[2].split("  ")[0] == "held out, 10 crops"
    assert "5 right, 50.0%" in told[2]
    assert "7 right, 70.0%" in told[2]
    assert told[-2:] == ["without int8: 97 % of the strings", "written: new"]


def test_options_arrive_and_what_is_not_better_exits_with_1(monkeypatch, tmp_path):
    asked = []

    def fake(bundle, data, target, **options):
        asked.append((bundle, data, target, options))
        return Tuned(None, FORGETS, ())

    monkeypatch.setattr(module, "tune", fake)
    arguments = ["mine", "--data", "crops", "--to", "new", "--minutes", "2", "--name", "n", "--licence", "MIT"]
    result = CliRunner().invoke(tune, [*arguments, "--checkpoint", "a.pt"])
    assert result.exit_code == 1
    assert "nothing was written: generated crops are forgotten; give more crops" in result.stdout
    ((bundle, data, target, options),) = asked
    assert (bundle, data) == ("mine", Path("crops"))
    assert (target.bundle, target.name, target.licence) == (Path("new"), "n", "MIT")
    assert (options["minutes"], options["checkpoint"], options["even_if_worse"]) == (2.0, Path("a.pt"), False)
