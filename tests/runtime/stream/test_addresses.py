import socket
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgereader.runtime.errors import SourceError
from edgereader.runtime.stream.addresses import Address, masked, split_url, why_silent
from edgereader.runtime.stream.settings import Camera, Settings


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://anna:geheim@cam.local:554/live/0", "rtsp://***@cam.local:554/live/0"),
        ("rtsp://anna@cam.local/live", "rtsp://***@cam.local/live"),
        ("rtsp://anna:gehei@m@[::1]:554/live", "rtsp://***@[::1]:554/live"),
        ("rtsp://anna:ge/heim@cam.local/live", "rtsp://***"),
        ("http://cam/@geheim", "http://***"),
        ("http://cam/video?channel=1&token=abc&subtype=0", "http://cam/video***"),
        ("http://cam/video?pwd=a@geheim", "http://***"),
        ("rtsp://cam/user=anna_password=geheim_channel=1.sdp", "rtsp://cam/user***"),
        ("rtsps://10.0.0.1:7441/aB3dE6gH9jK2mN5p?enableSrtp", "rtsps://10.0.0.1:7441/******"),
        ("rtsp://cam/Streaming/Channels/101", "rtsp://cam/Streaming/Channels/101"),
        ("rtsp://cam/h264Preview_01_main", "rtsp://cam/h264Preview_01_main"),
        ("rtsp://admin:geheim", "rtsp://***"),
        ("rtsp:/anna:geheim@cam/live", "***"),
        ("anna:geheim@cam/live", "***"),
        ("/config/rtsp:/cam/live", "***"),
        ("cam/video?loginpas=geheim", "***"),
        (
            'rtspsrc location="rtsp://anna:geheim@cam/x" user-id=anna user-pw="ge heim" ! appsink',
            "rtspsrc location=***",
        ),
        ("souphttpsrc rtsp://anna:geheim@cam ! appsink", "***"),
        ("videotestsrc ! appsink", "videotestsrc ! appsink"),
        ("videos/meter 2026-01-02.mp4", "videos/meter 2026-01-02.mp4"),
        ("0", "0"),
    ],
)
def test_secrets_are_hidden_and_the_rest_is_shown(url, shown):
    assert masked(url) == shown


SIGNS = [sign for sign in map(chr, range(0x20, 0x7F)) if not sign.isalnum()]
FORMS = (
    "rtsp://{user}:{password}@cam.local/live",
    "http://{user}:{password}@cam.local:8080/video.mjpg?x=1",
    "http://cam.local/v.cgi?loginuse={user}&loginpas={password}&channel=1",
    "rtsp://cam.local/user={user}_password={password}_channel=1.sdp",
    "rtsp:/{user}:{password}@cam.local/live",
    "{user}:{password}@cam.local/live",
    'rtspsrc location="rtsp://{user}:{password}@cam.local/live" ! appsink',
    "rtspsrc location=rtsp://cam.local/live user-id={user} user-pw={password} ! appsink",
    "rtsp://{user}:{password}@[::1/half",
)


def pieces(sign: str) -> tuple[str, ...]:
    """Parts of a password with this sign at its begin, in the middle, and at its end."""
    return f"{sign}Qa3{sign}Wb7{sign}Xc5{sign}", "Qa3", "Wb7", "Xc5"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("sign", [*SIGNS, "ü", "\u2028", "\t", "\n", "%41", "@@", "://", " ! ", "=", "&"])
def test_no_piece_of_a_login_is_shown_whatever_it_is_made_of(form, sign):
    password, *parts = pieces(sign)
    source = form.format(user="Yd1", password=password)
    shown = masked(source)
    try:
        address = split_url(source)
    except SourceError as exc:
        shown += str(exc) + repr(exc)
    else:
        shown += address.shown + repr(address)
    shown += repr(Camera(source=source)) + repr(Settings(camera=Camera(source=source)))
    assert not [piece for piece in ("Yd1", *parts) if piece in shown]


SECRETS = st.text(min_size=3, max_size=24).map(lambda secret: f"Q{secret}Q")


@given(secret=SECRETS)
def test_no_password_is_shown_of_any_text(secret):
    assert secret not in masked(f"rtsp://anna:{secret}@cam.local/live")


@given(secret=SECRETS, key=st.sampled_from(("token", "api_key", "PWD", "x")))
def test_no_value_of_a_query_is_shown(secret, key):
    assert secret not in masked(f"http://cam.local/video?channel=1&{key}={secret}&x=1")


@pytest.mark.parametrize("sign", [sign for sign in SIGNS if sign not in "#/? "])
def test_what_is_opened_is_what_was_taken_apart(sign):
    """Also by others' rules: the login that Python's own parser finds in the address to open is the decoded one."""
    password = pieces(sign)[0]
    address = split_url(f"rtsp://Yd1:{password}@cam.local:554/live?x=%20")
    written = urlsplit(address.url)
    assert (written.hostname, written.port, written.path, written.query) == ("cam.local", 554, "/live", "x=%20")
    assert (unquote(written.username), unquote(written.password)) == ("Yd1", unquote(password))
    assert (address.username, address.password) == ("Yd1", unquote(password))
    assert address.bare_url == "rtsp://cam.local:554/live?x=%20"


@given(username=st.text(max_size=9), password=st.text(max_size=30))
def test_any_login_can_be_encoded(username, password):
    address = Address("rtsp", "cam", None, "/x", username, password)
    assert split_url(address.url) == address


@pytest.mark.parametrize("password", ["Se#cret", "Se/cret", "Se?cret", "12#cret", "Se cret", "12/@", "a\tb"])
def test_an_unencoded_password_is_reported_how_to_write_it(password):
    with pytest.raises(SourceError) as caught:
        split_url(f"rtsp://anna:{password}@127.0.0.1:5999/live")
    assert str(caught.value).startswith(
        "rtsp://***: expected a URL whose login is encoded, got another; in a user name"
    )
    assert "# as %23" in str(caught.value)
    assert "username and password_file under [camera]" in str(caught.value)
    assert "anna" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "concat://a",
        "rtmp://cam/x",
        "rtsp:///x",
        "http://cam:99999/",
        "http://cam:0/",
        "http://[::1/x",
        "http://cam/a b",
        "http://cam/a\nb",
        "http://cam/@b",
        "http://ca'm/",
        "RTSP//cam",
    ],
)
def test_only_urls_of_a_host_with_a_known_scheme_are_let_through(url):
    with pytest.raises(SourceError, match="expected a URL"):
        split_url(url)


def test_schemes_and_addresses_of_any_case_and_family_are_let_through():
    assert split_url("RTSP://Cam/x").place == "rtsp://cam"
    assert split_url("http://[::1]:8080/x").host == "::1"
    assert split_url("http://[fe80::1%eth0]/x").bare_url == "http://[fe80::1%eth0]/x"
    assert split_url("http://[::1]:8080/x").port == 8080


def test_why_a_camera_is_silent_is_found_out():
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = split_url(f"rtsp://127.0.0.1:{server.getsockname()[1]}/x")
        assert "user name and password" in why_silent(url, 5)
    assert why_silent(url, 5) == "connection refused"
    assert why_silent(split_url("http://cam.invalid/"), 5) == "no host of the name cam.invalid"
