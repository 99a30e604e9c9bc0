"""Setting up, over HTTP and in Chromium, as a person does it with a mouse or a finger."""

import base64

import cv2
import msgspec
import numpy as np
import pytest
from playwright.sync_api import expect

from edgereader.runtime.service.setup import cut_out, propose, red_digits
from edgereader.runtime.stream.configuration.config import draft_config, load
from edgereader.runtime.stream.configuration.editing import Editor
from edgereader.runtime.stream.sources.frames import Shot
from edgereader.runtime.stream.tracking.watcher import Seen

from ..stream.fakes import files_up_to, until
from .stand import START_S, TOKEN, WRONG_BODIES

BEARER = {"Authorization": f"Bearer {TOKEN}"}
TEXT = """\
name = "cellar" # by the stairs

# A camera.
[camera]
source = 0

# For the phone.
[http]
port = 8000
"""
SEVEN = [[0.05, 0.05], [0.35, 0.05], [0.35, 0.25], [0.05, 0.25]]
"""Around the 7 of the scene."""


@pytest.fixture
def site(stand, scene, reader, tmp_path):
    """A stream that shows the scene and has a configuration; what it goes on with is what the board shows."""
    path = tmp_path / "cellar.toml"
    path.write_text(TEXT, encoding="utf-8")
    stand.path, stand.reader = path, reader
    stand.board.show(Seen(Shot(scene, 1, 0.0, START_S), (), (), True, 0))
    stand.board.numbers = ()

    def prepare(settings):
        return lambda: stand.board.change(settings.numbers)

    stand.editor = Editor(path, lambda text: draft_config(path, text=text), prepare)
    return stand


@pytest.fixture
def client(site, visit):
    made = visit(site.app(TOKEN))
    made.headers.update(BEARER)
    return made


def edit(client, *numbers, masks=()):
    revision = client.get("/setup").json()["revision"]
    return {"revision": revision, "number": list(numbers), "mask": list(masks)}


def test_without_a_token_or_a_file_nothing_is_set_up_and_it_is_said_why(site, visit):
    client = visit(site.app())
    asked = [client.get("/setup"), client.post("/setup", json={}), client.post("/setup/look", json={})]
    for answer in [*asked, client.get("/setup/frame.jpg")]:
        assert answer.status_code == 403
        assert "set token_file under [http], or start with: edgereader stream --setup" in answer.json()["error"]
    site.editor = None
    answer = visit(site.app(TOKEN)).get("/setup", headers=BEARER)
    assert (answer.status_code, "expected a configuration file" in answer.json()["error"]) == (403, True)


@pytest.mark.parametrize("path", ["/setup", "/setup/look"])
def test_another_page_and_who_has_no_token_are_refused(site, visit, path):
    client = visit(site.app(TOKEN))
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert client.post(path, json={}, headers={**BEARER, **headers}).status_code == 403
    assert client.post(path, json={}).status_code == 401
    assert client.get("/setup").status_code == 401
    assert client.get("/setup/frame.jpg").status_code == 401
    assert site.path.read_text(encoding="utf-8") == TEXT


def test_what_is_drawn_is_cut_out_and_read_as_the_stream_would(client, scene):
    found = client.post("/setup/look", json={"number": {"region": SEVEN}}).json()
    assert [each["text"] for each in found["found"]] == ["7"]
    assert np.array(found["found"][0]["quad"]).min(axis=0) == pytest.approx([60 / 640, 50 / 480], abs=0.02)
    cut = cv2.imdecode(np.frombuffer(base64.b64decode(found["cut"]), np.uint8), cv2.IMREAD_COLOR)
    assert cut.shape == cut_out(scene, SEVEN).shape == (116, 212, 3)
    whole = client.post("/setup/look", json={"number": {}}).json()
    assert sorted(each["text"] for each in whole["found"]) == ["5", "7"]
    assert whole["cut"] is None
    masked = client.post("/setup/look", json={"number": {}, "mask": [SEVEN]}).json()
    assert [each["text"] for each in masked["found"]] == ["5"]
    beside = client.post("/setup/look", json={"number": {"region": [[0, 0.9], [0.2, 0.9], [0.1, 1]]}}).json()
    assert (beside["found"], beside["proposal"]) == ([], None)


def test_a_value_is_shown_as_its_settings_make_it(client):
    number = {"region": SEVEN, "kind": "counter", "digits": 2, "decimals": 1}
    (found,) = client.post("/setup/look", json={"number": number}).json()["found"]
    assert found["shown"] == "0.7"


def test_the_frame_is_sent_as_it_is(client, scene):
    answer = client.get("/setup/frame.jpg")
    frame = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    assert frame.shape == scene.shape
    assert np.abs(frame.astype(int) - scene).mean() < 3


def test_before_the_first_picture_it_is_not_ready(site, visit):
    site.board._seen = None
    client = visit(site.app(TOKEN))
    assert client.get("/setup/frame.jpg", headers=BEARER).status_code == 503
    assert client.post("/setup/look", json={"number": {}}, headers=BEARER).status_code == 503


def test_what_is_saved_is_written_and_applied(client, site):
    number = {"was": None, "name": "water", "kind": "counter", "region": SEVEN, "digits": 1}
    answer = client.post("/setup", json=edit(client, number, masks=[SEVEN]))
    assert answer.status_code == 200, answer.text
    assert [made["name"] for made in answer.json()["number"]] == ["water"]
    assert [made.name for made in site.board.numbers] == ["water"]
    assert load(site.path).number[0].region == [tuple(corner) for corner in SEVEN]
    assert (site.path.parent / "cellar.toml.bak").read_text(encoding="utf-8") == TEXT


def test_what_is_wrong_is_said_with_its_place_and_changes_nothing(client, site):
    number = {"was": None, "name": "water", "kind": "counter", "region": SEVEN, "digits": 99}
    answer = client.post("/setup", json=edit(client, number))
    assert answer.status_code == 400
    assert answer.json()["places"][0][0] == ["number", 0, "digits"]
    assert answer.json()["error"] == "number 1, digits: expected a whole number from 0 to 18, got 99"
    late = {**edit(client), "revision": "0"}
    assert client.post("/setup", json=late).status_code == 409
    with files_up_to(3):
        answer = client.post("/setup", json=edit(client, {**number, "digits": 1}))
        assert (answer.status_code, "check its folder" in answer.json()["error"]) == (507, True)
    assert site.path.read_text(encoding="utf-8") == TEXT
    assert site.board.numbers == ()
    site.path.write_text("[camera]\nsource = -1\n")
    assert (client.get("/setup").status_code, client.post("/setup", json=late).status_code) == (409, 409)


@pytest.mark.parametrize(
    "body",
    [
        *WRONG_BODIES,
        b"[" * 60_000,
        b'{"number": {"region": [[0, 0], [1, 1]]}}',
        b'{"number": {"region": [[0, 0], [1, 1], [NaN, 0]]}}',
        b'{"number": {"region": [[0, 0], [1, 1], [2, 0]]}}',
        b'{"number": {"pattern": "("}}',
        b'{"number": {}, "mask": [[]]}',
        b'{"number": {}, "more": 1}',
        b'{"revision": "' + b"0" * 65 + b'", "number": [], "mask": []}',
        b'{"revision": "0", "number": [' + b",".join([b"{}"] * 65) + b'], "mask": []}',
        b'{"revision": "0", "number": [' + b"[" * 30_000 + b"]" * 30_000 + b'], "mask": []}',
        b'{"revision": "0", "number": [{"name": "\\ud800"}], "mask": []}',
    ],
)
def test_hostile_bodies(client, site, body):
    assert client.post("/setup/look", content=body).status_code == 400
    assert client.post("/setup", content=body).status_code in {400, 409}
    assert site.path.read_text(encoding="utf-8") == TEXT


def test_a_body_is_bounded(client):
    for path in ("/setup", "/setup/look"):
        assert client.post(path, content=b" " * (1 << 17)).status_code == 413


def strip(*colours, width=20):
    """Wheels side by side, each of one colour (blue, green, red)."""
    return np.hstack([np.full((30, width, 3), colour, np.uint8) for colour in colours])


BLACK, RED, WHITE = (30, 30, 30), (40, 40, 200), (230, 230, 230)


@pytest.mark.parametrize(
    ("text", "colours", "expected"),
    [
        ("00123", [BLACK] * 5, ("counter", 5, 0)),
        ("00123460", [BLACK] * 5 + [RED] * 3, ("counter", 8, 3)),
        ("00123460", [RED] * 8, ("counter", 8, 0)),
        ("00123460", [RED] * 3 + [WHITE] * 5, ("counter", 8, 0)),
        ("00123.4", [BLACK] * 6 + [RED], ("counter", 6, 0)),
        ("12345", [WHITE] * 5, ("counter", 5, 0)),
        ("07", [WHITE] * 2, ("counter", 2, 0)),
        ("21.5", [WHITE] * 4, ("free", 0, 0)),
        ("7", [WHITE], ("free", 0, 0)),
        ("B-ER 12", [WHITE] * 7, ("plate", 0, 0)),
    ],
)
def test_what_is_seen_makes_settings_likely(text, colours, expected):
    proposal = propose(text, strip(*colours))
    assert (proposal["kind"], proposal["digits"], proposal["decimals"]) == expected


def test_a_picture_narrower_than_its_digits_proposes_nothing():
    assert red_digits(strip(BLACK, width=3), 8) == 0


def test_a_cut_stays_in_the_frame():
    frame = np.zeros((100, 200, 3), np.uint8)
    assert cut_out(frame, [(0, 0), (1, 0), (1, 1)]).shape == (100, 200, 3)
    assert cut_out(frame, [(1, 1), (1, 1), (1, 1)]).shape == (1, 1, 3)
    assert cut_out(frame, [(0.5, 0.5), (0.75, 0.5), (0.75, 0.75)]).shape == (31, 56, 3)


@pytest.fixture
def open_page(site, serve, visit_page):
    """open_page(width=1280, **options) -> a page on which setting up has begun, and the picture is there."""

    def start(width=1280, **options):
        page = visit_page(f"{serve(site.app(TOKEN))}/login#{TOKEN}", width, **options)
        page.get_by_role("button", name="Set up").click()
        expect(page.locator("#setup-shapes .offered")).to_have_count(2)
        assert TOKEN not in page.url
        return page

    return start


def draw(page, start, end, how):
    """Draw from one place to another, shares of the picture, with the mouse or a finger."""
    page.locator("#setup-shapes").scroll_into_view_if_needed()
    box = page.locator("#setup-shapes").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    if how == "mouse":
        page.mouse.move(*places[0])
        page.mouse.down()
        page.mouse.move(*places[1], steps=4)
        page.mouse.up()
        return
    finger = page.context.new_cdp_session(page)
    for kind, place in (("touchStart", places[0]), ("touchMove", places[1]), ("touchEnd", None)):
        points = [] if place is None else [{"x": place[0], "y": place[1]}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


@pytest.mark.parametrize(
    ("how", "width", "options"),
    [("mouse", 1280, {}), ("finger", 375, {"has_touch": True, "is_mobile": True, "color_scheme": "dark"})],
)
def test_a_region_is_drawn_read_named_and_saved(site, open_page, how, width, options):
    page = open_page(width, **options)
    draw(page, (0.05, 0.05), (0.35, 0.25), how)
    expect(page.locator("#setup-value")).to_have_text("7")
    expect(page.locator("#setup-about")).to_contain_text("% certain")
    expect(page.locator("#setup-cut")).to_be_visible()
    draw(page, (0.35, 0.25), (0.45, 0.35), how)
    points = np.array(page.locator("#setup-shapes .chosen").get_attribute("points").replace(",", " ").split(), float)
    assert points.reshape(4, 2) / (640, 480) == pytest.approx(
        np.array([(0.05, 0.05), (0.35, 0.05), (0.45, 0.35), (0.05, 0.25)]), abs=0.01
    )
    page.get_by_label("Name").fill("water")
    page.get_by_label("Kind").select_option("counter")
    page.get_by_label("Digits").fill("2")
    page.get_by_label("behind a point").fill("1")
    page.get_by_label("Unit").fill("m³")
    expect(page.locator("#setup-value")).to_have_text("0.7")
    page.get_by_role("button", name="Add a mask").click()
    draw(page, (0.6, 0.7), (0.9, 0.9), how)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#setup")).to_be_hidden()
    expect(page.locator('#readings [data-name="water"] .unit')).to_have_text("m³")
    text = site.path.read_text(encoding="utf-8")
    for kept in ('name = "cellar" # by the stairs\n', "# A camera.\n[camera]", "# For the phone.\n[http]"):
        assert kept in text
    (number,) = load(site.path).number
    assert (number.name, number.kind, number.digits, number.decimals, number.unit) == ("water", "counter", 2, 1, "m³")
    assert len(load(site.path).mask) == 1


def test_a_dashed_box_is_tapped_and_a_region_moved_and_removed(site, open_page):
    page = open_page()
    box = page.locator("#setup-shapes").bounding_box()
    page.mouse.click(box["x"] + 120 / 640 * box["width"], box["y"] + 70 / 480 * box["height"])
    expect(page.locator("#setup-value")).to_have_text("7")
    draw(page, (120 / 640, 70 / 480), (460 / 640, 370 / 480), "mouse")
    expect(page.locator("#setup-value")).to_have_text("5")
    page.get_by_label("Name").fill("a b")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#setup-trouble")).to_contain_text("Number 1, name: expected 1 to 64 of A-Z")
    assert "400" in page.complaints.pop()
    assert site.path.read_text(encoding="utf-8") == TEXT
    page.get_by_role("button", name="Remove").click()
    expect(page.locator("#setup-shapes .chosen")).to_have_count(0)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#live")).to_be_visible()


def test_a_page_without_a_token_says_why_it_cannot_be_set_up(site, serve, visit_page):
    page = visit_page(serve(site.app()))
    page.get_by_role("button", name="Set up").click()
    expect(page.locator("#setup-refused")).to_contain_text("expected a token")
    expect(page.locator("#setup")).to_be_hidden()
    assert "403" in page.complaints.pop()


def test_who_begins_with_it_finds_it_open(site, serve, visit_page):
    site.board.setup = True
    page = visit_page(f"{serve(site.app(TOKEN))}/login#{TOKEN}")
    expect(page.get_by_role("heading", name="Where the numbers are")).to_be_visible()
    assert msgspec.json.decode(page.evaluate("fetch('state').then((answer) => answer.text())"))["setup"] is True
    until(lambda: page.locator("#setup-picture").evaluate("node => node.naturalWidth") == 640)
