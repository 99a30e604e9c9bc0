import re
import subprocess
from html.parser import HTMLParser

import pytest
from msgspec.structs import replace

from edgereader.benchmarks.report.page import write_pages
from edgereader.benchmarks.speed.results import Contender

from .conftest import BENCH, GROWTH, SOAK, STREAM

VOID = {"meta"}
LINKS = {"src", "href", "xlink:href"}


class Checker(HTMLParser):
    """What a page consists of; an element that is not closed fails."""

    def __init__(self):
        super().__init__()
        self.open, self.found, self.texts = [], [], []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def parsed(path):
    checker = Checker()
    checker.feed(path.read_text(encoding="utf-8"))
    assert not checker.open
    return checker


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_pages(tmp_path_factory.mktemp("page") / "new" / "folder", BENCH, GROWTH, SOAK, STREAM)


def test_the_page_needs_nothing_else(written):
    page = parsed(written[0])
    assert not any(tag in {"script", "link", "img", "iframe"} for tag, _ in page.found)
    targets = [value for _, attributes in page.found for name, value in attributes.items() if name in LINKS]
    assert targets
    assert all(target.startswith("#") for target in targets)
    text = written[0].read_text(encoding="utf-8")
    assert text.count("url(") == text.count("url(#")
    assert "@import" not in text


def test_every_chart_has_a_name_and_its_numbers_in_a_table(written):
    page = parsed(written[0])
    charts = [attributes for tag, attributes in page.found if tag == "svg"]
    assert len(charts) > 15
    assert all(chart["role"] == "img" and chart["aria-label"] for chart in charts)
    tables = [attributes for tag, attributes in page.found if tag == "table"]
    assert all(table["aria-label"] for table in tables)
    assert sum(tag == "details" for tag, _ in page.found) >= 12
    assert not any(value in {"nan", "inf"} for _, attributes in page.found for value in attributes.values())


def test_what_others_wrote_is_shown_and_not_run(written):
    page, text = parsed(written[0]), written[0].read_text(encoding="utf-8")
    assert "<script" not in text
    assert any('not installed <script>alert("1")</script> | `x` & \ufffd' in text for text in page.texts)
    markdown = written[1].read_text(encoding="utf-8")
    assert r"not installed \<script>alert" in markdown
    assert r"\| \`x\`" in markdown


def test_everything_asked_for_is_on_it(written, bench):
    texts = " ".join(parsed(written[0]).texts)
    markdown = written[1].read_text(encoding="utf-8")
    for said in (
        bench.command, bench.machine.processor, "onnxruntime 1.31.0", "108 of scenes_bibs", "2026-11-22 08:00 UTC",
        "died with exit code -9", "INVALID", "VALID", "The harness alone", "Physical limit", "FAIL",
        "45,000 frames, 1,234 dropped", "expected 3751, got 375",
    ):  # fmt: skip
        assert said in texts, said
        assert said in markdown.replace("\\", ""), said
    assert {contender.name for contender in bench.contenders} <= set(re.findall(r"[\w-]+(?: cpu \w+)?", texts))


def test_a_page_is_dark_where_the_reader_wants_it_dark(written):
    text = written[0].read_text(encoding="utf-8")
    by_day, dark = (re.search(pattern, text)[1] for pattern in (r"\n:root \{(.*)\}", r"dark\) \{ :root \{(.*)\} \}"))
    variables = [set(re.findall(r"--([\w-]+):", scheme)) for scheme in (by_day, dark)]
    assert variables[0] == variables[1]
    assert set(re.findall(r"var\(--([\w-]+)\)", text)) <= variables[0]


def test_markdown_tables_are_whole(written):
    for table in re.findall(r"(?:^\|.*\n)+", written[1].read_text(encoding="utf-8"), re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1


def test_a_run_in_which_nothing_could_be_measured_says_so(bench, tmp_path):
    lost = replace(bench, contenders=[contender for contender in bench.contenders if contender.outcome != "ran"])
    texts = parsed(write_pages(tmp_path, lost)[0]).texts
    assert "died with exit code -9" in texts


def test_a_contender_with_the_least_figures_is_shown(bench, tmp_path):
    bare = Contender(name="x" * 90, kind="peer", outcome="ran", threads=0)
    single = [replace(scenario, times_ms=[[5.0]], p50_ms=0.0) for scenario in bench.contenders[1].scenarios[:1]]
    zero = Contender(name="zero", kind="edgereader", outcome="ran", threads=0, scenarios=single)
    assert parsed(write_pages(tmp_path, replace(bench, contenders=[bare, zero]))[0])


def test_each_kind_makes_a_page_alone(growth, soak, stream, tmp_path):
    assert "Camera: FAIL" in parsed(write_pages(tmp_path / "camera", None, None, None, stream)[0]).texts
    assert "Growth: FAIL" in parsed(write_pages(tmp_path / "growth", None, growth)[0]).texts
    assert "Soak: FAIL" in parsed(write_pages(tmp_path / "soak", None, None, soak)[0]).texts
    with pytest.raises(ValueError, match="expected at least one"):
        write_pages(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_soak_that_has_no_samples_or_is_not_finished_is_told(soak, tmp_path):
    going = replace(soak, finished=False, slopes=[])
    assert "Soak: not finished" in parsed(write_pages(tmp_path, None, None, going)[0]).texts
    assert parsed(write_pages(tmp_path, None, None, replace(going, samples=[]))[0])


def test_a_camera_that_was_watched_too_briefly_has_its_tables(stream, tmp_path):
    brief = replace(stream, live=replace(stream.live, event=None, reading=None, samples=[], slopes=[]))
    assert parsed(write_pages(tmp_path, None, None, None, brief)[0])


@pytest.mark.parametrize("width", [500, 1200])
def test_a_browser_shows_it_without_scrolling_sideways(written, tmp_path, width, chromium):
    """The page's own width, told by a browser: phones do not scroll sideways."""
    probe = tmp_path / "probe.html"
    told = "document.title=[document.documentElement.scrollWidth,innerWidth].join()"
    text = written[0].read_text(encoding="utf-8")
    probe.write_text(text.replace("</body>", f"<script>{told}</script></body>"), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900", "--dump-dom"]
    done = subprocess.run([chromium, *options, probe.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    wide, window = map(int, re.search(r"<title>(\d+),(\d+)</title>", done.stdout).groups())
    assert wide <= window
