import logging
import re

import httpx
import pytest

from edgereader.runtime.errors import BackendError

from .stand import TOKEN, make_event, make_seen

PUBLIC = ("/login", "/login.js", "/page.css", "/icon.svg")
PRIVATE = (
    "/",
    "/page.js",
    "/setup.js",
    "/setup",
    "/setup/frame.jpg",
    "/state",
    "/events",
    "/snapshot.jpg",
    "/history",
    "/series?name=water",
    "/crop/1",
    "/metrics",
    "/healthz",
)
BEARER = {"Authorization": f"Bearer {TOKEN}"}


def test_every_route_needs_the_token_but_what_the_login_needs(visit, stand):
    client = visit(stand.app(TOKEN))
    routes = {route.path for route in stand.app(TOKEN).routes}
    listed = {path.partition("?")[0].replace("/crop/1", "/crop/{number:int}") for path in (*PUBLIC, *PRIVATE)}
    assert routes == listed | {"/read", "/correct", "/setup/look"}, "a new route must be put into one of the lists"
    for path in PRIVATE:
        answer = client.get(path)
        assert answer.status_code == 401, path
        assert answer.headers.get("www-authenticate", "Bearer") == "Bearer"
        assert "set-cookie" not in answer.headers
    for path in ("/read", "/correct", "/setup", "/setup/look"):
        assert client.post(path, content=b"x").status_code == 401
    for path in PUBLIC:
        assert client.get(path).status_code == 200, path
    for path in ("/nix", "/../page.js", "/page.css/", "//page.css", "/login/x", "/%70age.js"):
        assert client.get(path).status_code == 401, path
    assert client.get("/healthz", headers=BEARER).status_code == 200


@pytest.mark.parametrize(
    "host", ["localhost/page.css?", "localhost/login#", "x/icon.svg?", "/login", "localhost\\login"]
)
def test_a_host_that_looks_like_a_path_opens_nothing(stand, serve, host):
    address = serve(stand.app(TOKEN))
    for path in PRIVATE[1:]:
        assert httpx.get(address + path, headers={"Host": host}).status_code in {400, 401}, path
    assert httpx.get(serve(stand.app()) + "/state", headers={"Host": host}).status_code in {400, 421}


@pytest.mark.parametrize("path", [*PUBLIC, *PRIVATE[:3], *PRIVATE[4:], "/nix", "/history?n=x"])
def test_security_headers_are_on_every_answer(visit, stand, path):
    for headers in ({}, {"Host": "evil.com"}):
        answer = (
            visit(stand.app()).get(path, headers=headers)
            if path != "/events"
            else visit(stand.app()).head(path, headers=headers)
        )
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers


def test_the_page_has_no_inline_scripts_or_styles(visit, stand):
    for path in ("/", "/login"):
        page = visit(stand.app()).get(path).text.lower()
        assert page.count("<script") == page.count("<script src=")
        assert " style=" not in page
        assert "<style" not in page
        assert not re.search(r"\son[a-z]+\s*=", page)
        assert "http://" not in page.replace("http://www.w3.org", "")
        assert "https://" not in page


def test_logging_in(visit, stand):
    client = visit(stand.app(TOKEN))
    asked = client.get("/")
    assert asked.status_code == 401
    assert 'action="login"' in asked.text
    assert "This is not the token" in asked.text
    assert 'id="wrong" hidden' in asked.text
    for wrong in ("", "wrong", TOKEN + "x", "ü", "%"):
        answer = client.post("/login", data={"token": wrong})
        assert answer.status_code == 401
        assert 'id="wrong" hidden' not in answer.text
        assert "set-cookie" not in answer.headers
    answer = client.post("/login", data={"token": TOKEN}, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "./"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    assert client.get("/").status_code == 200
    assert client.get("/state").json()["stream"] == "cellar"
    assert client.post("/login", content=b"token=" + b"x" * 5000).status_code == 413
    assert client.post("/login", data={"token": TOKEN}, headers={"Origin": "http://evil.com"}).status_code == 403


def test_errors_are_json_of_one_line(visit, stand):
    client = visit(stand.app())
    for answer, status in (
        (client.get("/nix"), 404),
        (client.get("/read"), 405),
        (client.post("/state"), 405),
        (client.delete("/history"), 405),
        (client.head("/events"), 405),
        (client.get("/history?n=0"), 400),
        (client.get("/events?after=x"), 400),
        (client.get("/", headers={"Host": "evil.com"}), 421),
        (client.post("/correct", headers={"Origin": "http://evil.com"}), 403),
    ):
        assert answer.status_code == status
        if answer.request.method != "HEAD":
            assert answer.headers["content-type"] == "application/json"
            assert answer.json().keys() == {"error"}
            assert "\n" not in answer.json()["error"]


def test_bugs_and_failures_tell_nothing_but_the_log(visit, stand, photo, caplog):
    class Broken:
        def __init__(self, error):
            self.error = error

        def read(self, _frame):
            raise self.error

    for error in (RuntimeError("/home/secret broke"), BackendError("/home/secret broke")):
        stand.reader = Broken(error)
        answer = visit(stand.app()).post("/read", content=photo)
        assert answer.status_code == 500
        assert "log says more" in answer.json()["error"]
        assert "secret" not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == [
        "POST '/read': /home/secret broke"
    ]


def test_health(visit, stand):
    client = visit(stand.app())
    assert client.get("/healthz").json() == {"ok": True, "reason": ""}
    stand.camera(state="lost", reason="rtsp://cam: no frames")
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json() == {"ok": False, "reason": "camera lost: rtsp://cam: no frames"}
    for state in ("connecting", "frozen", "black", "ended"):
        stand.camera(state=state, reason="")
        assert client.get("/healthz").json() == {"ok": False, "reason": f"camera {state}"}
    stand.camera(state="live")
    stand.board._shown_s -= 100
    assert "no frame was looked at for 100 s" in client.get("/healthz").json()["reason"]


def test_snapshots(visit, stand):
    client = visit(stand.app())
    assert client.get("/snapshot.jpg").status_code == 503
    stand.show(make_seen())
    answer = client.get("/snapshot.jpg")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content.startswith(b"\xff\xd8")


def test_the_token_is_nowhere_in_what_the_service_says(stand, serve, caplog, capfd):
    stand.emit(make_event(1))
    address = serve(stand.app(TOKEN))
    caplog.set_level(logging.DEBUG)
    said = []
    with httpx.Client(headers=BEARER, timeout=10) as client:
        for path in (
            *PUBLIC,
            *(private for private in PRIVATE if private != "/events"),
            f"/nix?token={TOKEN}",
            f"/{TOKEN}",
        ):
            answer = client.get(address + path)
            said += [answer.text, str(answer.headers)]
        said.append(client.post(f"{address}/read", content=TOKEN.encode()).text)
        said.append(str(client.post(f"{address}/login", data={"token": TOKEN}).headers))
    output = capfd.readouterr()
    assert TOKEN not in "".join([*said, output.out, output.err])
    ours = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert TOKEN not in "".join(record.getMessage() for record in ours)
