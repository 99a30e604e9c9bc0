import shutil

from edgereader.export.tuning.card import write_card
from edgereader.export.tuning.comparison import Comparison, Score
from edgereader.runtime.bundles.bundle import Bundle, shipped


def test_the_card_shows_old_beside_new_and_keeps_what_the_former_one_says(tmp_path):
    root = tmp_path / "meters"
    shutil.copytree(shipped("digits-edge"), root, ignore=shutil.ignore_patterns("README.md"))
    comparison = Comparison(Score("int8", 5, 100), Score("int8", 7, 101), 10, 200)
    write_card(Bundle.open("digits-edge"), root, comparison, "my-crops", 50, 280.4)
    card = (root / "README.md").read_text()
    assert "| held out, 10 crops | 5 right, 50.0% | 7 right, 70.0% |" in card
    assert "tuned on 50 crops of `my-crops` in 280 s on 20" in card
    assert "- detector: that of `digits-edge`" in card
    assert "Roboflow Universe" in card, "who made the photos must stay named"
    assert "rapidocr" not in card
    assert "/" not in card.split("<!-- made:end -->")[0].replace("<!-- /", ""), "no path of this machine"
