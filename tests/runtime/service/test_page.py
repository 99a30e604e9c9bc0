"""The page in Chromium, as a person sees it."""

import socket
import time
from datetime import datetime, timedelta, timezone

import cv2
import numpy as np
import pytest
from msgspec.structs import replace
from playwright.sync_api import expect

from edgereader.runtime.service.app import make_app
from edgereader.runtime.service.server import Server
from edgereader.runtime.stream.settings import Http
from edgereader.runtime.stream.sinks.feed import SinkStatus

from ..stream.fakes import until
from .stand import NUMBERS, PATIENT_MS, TOKEN, make_event, make_seen

CROP = np.full((30, 100, 3), 120, np.uint8)


def minutes_ago(minutes):
    then = datetime.now(timezone.utc) - timedelta(minutes=minutes)
    return then.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture
def busy(stand):
    """A stream that has read things."""
    stand.show(make_seen(5, at_s=time.monotonic()))
    for minutes in range(20, 0, -1):
        stand.emit(make_event(100 - minutes, f"{500 - minutes:05}", at=minutes_ago(minutes)), CROP)
    stand.emit(make_event(100, "B-ER 1234", "gate", sure=False, confidence=0.61, at=minutes_ago(0)), CROP)
    return stand


def reading(page, name="water"):
    return page.locator(f'#readings [data-name="{name}"]')


def test_a_reading_appears_and_survives_a_reload(stand, serve, visit_page):
    page = visit_page(serve(stand.app()))
    expect(page.locator("#stream")).to_have_text("cellar")
    expect(page.locator("#camera")).to_have_text("live")
    expect(reading(page).locator(".about")).to_have_text("Nothing read yet")
    expect(page.locator("#no-events")).to_be_visible()
    stand.show(make_seen(1, at_s=time.monotonic()))
    stand.emit(make_event(1, "00123", at=minutes_ago(0)))
    for _ in range(2):
        expect(reading(page).locator(".text")).to_have_text("00123")
        expect(reading(page).locator(".unit")).to_have_text("m³")
        expect(reading(page).locator(".about")).to_contain_text("98 % certain ·")
        expect(page.locator("#events tbody tr")).to_have_count(1)
        expect(page.locator("#events td.text")).to_have_text("00123 m³")
        expect(page.locator("#picture")).to_be_visible()
        page.reload()
    stand.emit(make_event(2, "00124", at=minutes_ago(0), sure=False, note="not plausible: falls"))
    expect(page.locator("#events tbody tr")).to_have_count(2)
    expect(page.locator("#events tbody tr").first).to_contain_text("not plausible: falls")
    expect(reading(page).locator(".unsure")).to_have_text("unsure")


def test_the_picture_follows_the_camera(stand, serve, visit_page):
    stand.show(make_seen(1))
    page = visit_page(serve(stand.app()))
    expect(page.locator("#picture")).to_have_attribute("data-number", "1")
    stand.show(make_seen(2))
    expect(page.locator("#picture")).to_have_attribute("data-number", "2")
    assert page.evaluate("document.getElementById('picture').naturalWidth") == 200


def test_a_lost_camera_is_shown_and_its_return(busy, serve, visit_page):
    page = visit_page(serve(busy.app()))
    expect(page.locator("#trouble")).to_be_hidden()
    busy.camera(state="lost", reason="rtsp://***@cam/1: no frame for 10 s", since_s=time.time())
    expect(page.locator("#trouble")).to_contain_text("Camera lost: rtsp://***@cam/1: no frame for 10 s (since ")
    expect(page.locator("#camera")).to_have_text("lost")
    expect(reading(page).locator(".text")).to_have_text("00499"), "what was read stays"
    for state in ("frozen", "black"):
        busy.camera(state=state, reason="frames are the same")
        expect(page.locator("#trouble")).to_contain_text(f"Camera {state}: frames are the same")
    busy.camera(state="live", reason="")
    expect(page.locator("#trouble")).to_be_hidden()


def test_a_sink_with_trouble_is_shown_until_it_is_over(busy, serve, visit_page):
    page = visit_page(serve(busy.app()))
    busy.board.sinks = lambda: [SinkStatus("log", "", 0), SinkStatus("history", "the disk is full", 1)]
    expect(page.locator("#trouble")).to_have_text("History: the disk is full")
    expect(page.locator("#picture")).not_to_have_class("old")
    busy.board.sinks = tuple
    expect(page.locator("#trouble")).to_be_hidden()


def test_a_lost_service_is_shown_and_its_return(busy, visit_page):
    with Server(busy.app(), Http(port=0)) as first:
        page = visit_page(first.url)
        expect(page.locator("#events tbody tr")).to_have_count(21)
    expect(page.locator("#trouble")).to_contain_text("No connection to EdgeReader since")
    expect(page.locator("#camera")).to_have_text("not connected")
    page.complaints.clear()  # the browser's, about refused connections
    busy.emit(make_event(200, "00777", at=minutes_ago(0)))
    with Server(busy.app(), Http(port=first.port)):
        expect(page.locator("#trouble")).to_be_hidden()
        expect(reading(page).locator(".text")).to_have_text("00777")
        expect(page.locator("#events tbody tr")).to_have_count(22), "nothing is missing"
        page.complaints.clear()
        page.goto("about:blank")


def test_a_service_that_takes_connections_and_never_answers_is_asked_again(busy, visit_page):
    with Server(busy.app(), Http(port=0)) as first:
        page = visit_page(first.url)
        expect(page.locator("#trouble")).to_be_hidden()
    with socket.create_server(("127.0.0.1", first.port)) as mute:
        mute.settimeout(PATIENT_MS / 1000)
        while not (asked := mute.accept()[0]).recv(1000).startswith(b"GET /state"):
            asked.close()
    with asked, Server(busy.app(), Http(port=first.port)):
        expect(page.locator("#trouble")).to_be_hidden(timeout=2 * PATIENT_MS)
        page.goto("about:blank")
    page.complaints.clear()  # the browser's, about refused connections


def test_a_person_corrects_a_reading(busy, serve, visit_page):
    page = visit_page(serve(busy.app()))
    row = page.locator('#events tr[data-id="99"]')
    row.get_by_role("button", name="Correct 00499").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Right reading")).to_have_value("00499")
    expect(dialog.get_by_label("Right reading")).to_be_focused()
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    row.get_by_role("button", name="Correct 00499").click()
    page.keyboard.type("00498")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(row.locator("td.text")).to_have_text("00498 m³")
    assert "images/99.jpg\t00498\t" in (busy.evidence._folder / "labels.tsv").read_text()
    page.reload()
    expect(row.locator("td.text")).to_have_text("00498 m³")
    expect(row.locator("img")).to_be_visible()


def test_a_correction_that_fails_says_why(busy, serve, visit_page):
    page = visit_page(serve(busy.app()))
    page.locator('#events tr[data-id="99"] button').click()
    pictures = page.locator('img[src="crop/99"]')
    expect(pictures).to_have_count(2)
    until(lambda: pictures.evaluate_all("nodes => nodes.every(node => node.complete && node.naturalWidth > 0)"))
    busy.evidence._bytes.pop(99)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#correction-error")).to_contain_text("no picture of this reading is kept")
    assert "404" in page.complaints.pop()


def test_the_plot(busy, serve, visit_page):
    page = visit_page(serve(busy.app()))
    plot = page.locator("#plot")
    expect(plot).to_have_attribute("aria-label", "water: 20 values from 480 to 499, the last 499")
    expect(plot.locator("circle")).to_have_count(20)
    page.get_by_label("Time").select_option("1")
    xs = "nodes => nodes.map(node => Number(node.getAttribute('cx')))"
    until(lambda: plot.locator("circle").evaluate_all(xs)[0] > 400)
    rising = plot.locator("circle").evaluate_all(xs)
    assert rising == sorted(rising)


def test_what_others_wrote_is_text_and_no_markup(busy, serve, visit_page):
    evil = '<img src=x onerror="document.title=1">'
    busy.emit(make_event(101, evil, "gate", note=evil, at=minutes_ago(0)))
    busy.camera(state="lost", reason=evil)
    page = visit_page(serve(busy.app()))
    expect(reading(page, "gate").locator(".text")).to_have_text(evil)
    expect(page.locator("#trouble")).to_contain_text(evil)
    expect(page.locator("#events tbody tr").first).to_contain_text(evil)
    assert page.title() == "cellar: EdgeReader"


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen_and_all_is_readable(busy, serve, visit_page, width, scheme):
    busy.emit(make_event(101, "W" * 60, "gate", note="not plausible: " + "x" * 80, at=minutes_ago(0)), CROP)
    busy.camera(state="lost", reason="rtsp://" + "a-very-long-host-name." * 10)
    page = visit_page(serve(busy.app()), width, color_scheme=scheme)
    expect(page.locator("#trouble")).to_be_visible()
    page.get_by_role("button", name="Show more").click()
    expect(page.locator("#plot circle").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(CONTRASTS) == []
    page.locator("#events button").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") == width


# Texts whose contrast with what is behind them is below WCAG's 4.5, and controls without a name.
CONTRASTS = """() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const linear = (c) => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
    const [r, g, b] = parse(colour).map((each) => linear(each / 255));
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = getComputedStyle(node).backgroundColor;
      if ((parse(colour)[3] ?? 1) === 1) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const wrong = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((each) => each.nodeType === 3 && each.data.trim());
    if (!own || node instanceof SVGElement || !node.checkVisibility()) continue;
    const [a, b] = [light(getComputedStyle(node).color), light(behind(node))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) wrong.push(node.outerHTML.slice(0, 80));
  }
  for (const node of document.querySelectorAll("input, select, button"))
    if (!node.labels?.length && !node.ariaLabel && !node.textContent.trim()) wrong.push(node.outerHTML);
  for (const node of document.querySelectorAll("img")) if (!node.alt) wrong.push(node.outerHTML);
  return wrong;
}"""


def test_only_readings_are_announced_and_not_their_age(busy, serve, visit_page):
    busy.emit(make_event(300, "00555", at=minutes_ago(0)))
    page = visit_page(serve(busy.app()))
    value = reading(page).locator(".value")
    expect(value).to_have_attribute("aria-live", "polite")
    changes = """node => { window.changes = 0;
      const all = {subtree: true, childList: true, characterData: true};
      new MutationObserver(() => window.changes++).observe(node, all); }"""
    value.evaluate(changes)
    about = reading(page).locator(".about")
    age = about.inner_text()
    until(lambda: about.inner_text() != age)
    assert page.evaluate("window.changes") == 0
    busy.emit(make_event(301, "00556", at=minutes_ago(0)))
    until(lambda: page.evaluate("window.changes") > 0)


def test_logging_in(busy, serve, visit_page):
    page = visit_page(serve(busy.app(TOKEN)), 360)
    page.get_by_label("Token").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("This is not the token.")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Log in").click()
    expect(reading(page).locator(".text")).to_have_text("00499")
    assert TOKEN not in page.url
    assert TOKEN not in page.evaluate("document.cookie"), "scripts cannot see it"
    page.reload()
    expect(page.locator("#picture")).to_be_visible()
    assert all("401" in complaint for complaint in page.complaints), "of the two that were refused"
    page.complaints.clear()


def test_a_photo_is_read(reader, photo, serve, visit_page, tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(photo)
    page = visit_page(serve(make_app(Http(), None, None, None, None, reader)), 360)
    expect(page.locator("#live")).to_be_hidden()
    page.set_input_files("#file", path)
    expect(page.locator("#found li")).to_have_count(2)
    expect(page.locator("#found li").first).to_contain_text("7")
    expect(page.locator("#photo-status")).to_contain_text("2 numbers in photo.png")
    expect(page.locator("#boxes polygon")).to_have_count(2)
    frame = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    points = page.locator("#boxes polygon").first.get_attribute("points")
    assert np.array(points.replace(" ", ",").split(","), float) == pytest.approx(reader.read(frame)[0].quad.ravel())
    assert page.locator("#boxes").get_attribute("viewBox") == "0 0 640 480"
    assert page.locator("#boxes").bounding_box() == page.locator("#shown-photo").bounding_box()
    path.write_bytes(b"no picture")
    page.set_input_files("#file", [])
    page.set_input_files("#file", path)
    expect(page.locator("#photo-status")).to_contain_text("expected a JPEG")
    assert "400" in page.complaints.pop()
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_a_photo_is_dropped(reader, photo, serve, visit_page):
    page = visit_page(serve(make_app(Http(), None, None, None, None, reader)))
    page.evaluate(
        """data => { const files = new DataTransfer();
        files.items.add(new File([Uint8Array.from(data)], "dropped.png"));
        const drop = new DragEvent("drop", {dataTransfer: files, bubbles: true});
        document.getElementById("drop").dispatchEvent(drop); }""",
        list(photo),
    )
    expect(page.locator("#photo-status")).to_contain_text("2 numbers in dropped.png")


def test_counters_show_their_value_where_the_meter_has_no_point(stand, serve, visit_page):
    stand.emit(make_event(1, "12654", value=1265.4, at=minutes_ago(0)))
    page = visit_page(serve(stand.app()))
    expect(reading(page).locator(".text")).to_have_text("1265.4")
    expect(page.locator("#events td.text")).to_have_text("1265.4 m³")


def test_a_value_has_all_its_decimals_wherever_it_is_shown(stand, serve, visit_page):
    stand.board.numbers = (replace(NUMBERS[0], decimals=3),)
    stand.emit(make_event(1, "00123000", value=123.0, at=minutes_ago(2)))
    stand.emit(make_event(2, "00123460", value=123.46, at=minutes_ago(1)), CROP)
    page = visit_page(serve(stand.app()))
    expect(reading(page).locator(".text")).to_have_text("123.460")
    expect(page.locator("#events td.text")).to_have_text(["123.460 m³", "123.000 m³"])
    expect(page.locator("#plot")).to_have_attribute(
        "aria-label", "water: 2 values from 123.000 to 123.460, the last 123.460"
    )
    assert page.locator("#plot text").all_text_contents()[:2] == ["123.460", "123.000"]
    assert page.locator("#plot title").last.text_content().startswith("123.460, ")
    page.get_by_role("button", name="Correct").click()
    page.keyboard.type("00123470")
    page.keyboard.press("Enter")
    expect(page.locator("#events td.text").first).to_have_text("123.470 m³")


def test_a_number_that_was_never_found_is_shown_and_others_may_come_and_go(busy, serve, visit_page):
    page = visit_page(serve(busy.app()))
    busy.board.missing = lambda: {"water": "water: nothing was ever read in its region"}
    expect(page.locator("#trouble")).to_have_text("Water: nothing was ever read in its region")
    expect(page.locator("#picture")).not_to_have_class("old")
    busy.board.change([replace(NUMBERS[1], name="door"), replace(NUMBERS[0], unit="l")])
    expect(page.locator("#readings li")).to_have_count(2)
    expect(reading(page, "gate")).to_have_count(0)
    expect(reading(page).locator(".unit")).to_have_text("l")
