import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgereader.runtime.errors import SourceError
from edgereader.runtime.stream.addresses import masked, split_url, why_silent


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://anna:geheim@cam.local:554/live/0", "rtsp://***@cam.local:554/live/0"),
        ("rtsp://anna@cam.local/live", "rtsp://***@cam.local/live"),
        ("rtsp://anna:ge/hei@m@cam.local/live", "rtsp://***@cam.local/live"),
        ("http://cam/video?channel=1&token=abc&subtype=0", "http://cam/video?channel=1&token=***&subtype=0"),
        ("http://cam/v.cgi?loginuse=anna&loginpas=geheim", "http://cam/v.cgi?loginuse=***&loginpas=***"),
        ("http://cam/v?X-Amz-Signature=geheim#x", "http://cam/v?X-Amz-Signature=***#x"),
        ("http://cam/v?q=1a2b3c4d5e6f7a8b9c0d", "http://cam/v?q=***"),
        ("rtsp://cam/user=anna_password=geheim_channel=1.sdp", "rtsp://cam/user=***"),
        ("rtsps://10.0.0.1:7441/aB3dE6gH9jK2mN5p?enableSrtp", "rtsps://10.0.0.1:7441/***?enableSrtp"),
        ("rtsp://cam/Streaming/Channels/101", "rtsp://cam/Streaming/Channels/101"),
        ("rtsp://cam/h264Preview_01_main", "rtsp://cam/h264Preview_01_main"),
        (
            'rtspsrc location="rtsp://anna:geheim@cam/x" user-id=anna user-pw="ge heim" ! appsink',
            'rtspsrc location="rtsp://***@cam/x" user-id=*** user-pw=*** ! appsink',
        ),
        ("videos/meter 2026-01-02.mp4", "videos/meter 2026-01-02.mp4"),
        ("0", "0"),
    ],
)
def test_secrets_are_hidden_and_the_rest_is_shown(url, shown):
    assert masked(url) == shown


SECRETS = st.text("abcdefXYZ0123456789@:/?#%+-_.~$", min_size=6, max_size=24).map(lambda each: f"Q{each}Q")


@given(secret=SECRETS)
def test_no_password_is_shown_whatever_it_is_made_of(secret):
    assert secret not in masked(f"rtsp://anna:{secret}@cam.local/live")


@given(
    secret=st.text("abcdefXYZ0123456789+-_.~%", min_size=3, max_size=40),
    key=st.sampled_from(("token", "api_key", "PWD")),
)
def test_no_token_is_shown(secret, key):
    assert f"{key}={secret}" not in masked(f"http://cam.local/video?channel=1&{key}={secret}&x=1")


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
        "RTSP//cam",
    ],
)
def test_only_urls_of_a_host_with_a_known_scheme_are_let_through(url):
    with pytest.raises(SourceError, match="expected a URL"):
        split_url(url)


def test_a_refused_url_does_not_show_its_password():
    with pytest.raises(SourceError) as caught:
        split_url("ftp://anna:geheim@cam/x")
    assert "geheim" not in str(caught.value)


def test_schemes_and_addresses_of_any_case_and_family_are_let_through():
    assert split_url("RTSP://Cam/x").hostname == "cam"
    assert split_url("http://[::1]:8080/x").port == 8080


def test_why_a_camera_is_silent_is_found_out():
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = split_url(f"rtsp://127.0.0.1:{server.getsockname()[1]}/x")
        assert "user name and password" in why_silent(url, 5)
    assert why_silent(url, 5) == "connection refused"
    assert why_silent(split_url("http://cam.invalid/"), 5) == "no host of the name cam.invalid"
