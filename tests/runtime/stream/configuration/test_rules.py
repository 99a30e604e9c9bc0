import re

import pytest

from edgereader.runtime.stream.configuration.rules import is_path

CAMERA = "[camera]\nsource = 0\n"


BROKEN = """
CAMERA ↵ [mqtt] ↵ host = "h" → 1: name: expected a name of its own for a stream with mqtt, got 'camera'; set name, or
name = "camera" ↵ CAMERA ↵ [mqtt] ↵ host = "h" → 1: name: expected a name of its own for a stream with mqtt
[camera] ↵ source = "rtsp://h/1" ↵ fps = 0.1 ↵ timeout_s = 5 → 4: camera.timeout_s: expected more than the 10 s between
CAMERA ↵ fps = 0.1 → 1: camera.timeout_s: expected more than the 10 s between two frames, got 10; raise it, or fps
[camera] ↵ source = -1 → 2: camera.source: expected a camera's number from 0, got -1
[camera] ↵ source = 'nix.mp4' → 2: camera.source: expected a file or folder that is there, got
[camera] ↵ source = 'rtsp://h/1' ↵ preset = 'jetson-csi' → 2: camera.source: expected a camera's number for
[camera] ↵ source = 'http://h/1' ↵ preset = 'jetson-rtsp' → 2: camera.source: expected an rtsp:// URL for
[camera] ↵ source = 1 ↵ preset = 'jetson-file' → 2: camera.source: expected a video file for jetson-file
[camera] ↵ source = 'rtsp://me:12#geheim@h/1' → 2: camera.source: rtsp://***: expected a URL whose login is encoded, got
[camera] ↵ source = 'rtmp://me:geheim@h/1' → 2: camera.source: 'rtmp://***@h/1': expected a URL of a host
[camera] ↵ source = 'rtsp:/me:geheim@h/1' → 2: camera.source: expected a file or folder that is there, got ***
[camera] ↵ source = 'rtsp://me@h/1' ↵ username = 'me' ↵ password_file = 'token' → 3: camera.username: … got both
CAMERA ↵ username = 'me' → 3: camera.username: expected the address of a network camera with it, got another source
[camera] ↵ source = 'rtsp://h/1' ↵ password_file = 'token' → 3: camera.password_file: expected username with it, got
[camera] ↵ source = 'rtsp://h/1' ↵ username = 'me' ↵ password_file = 'nix' → 4: camera.password_file:
CAMERA ↵ [[number]] ↵ unit = 'm3' ↵ device_class = 'water' → 4: number.unit: expected one of CCF, … got "m3"; is it m³?
CAMERA ↵ [[number]] ↵ ↵ device_class = 'water' → 3: number.unit: expected one of CCF, ft³, … got ""; change unit
CAMERA ↵ [[number]] ↵ ↵ device_class = 'enregy' → 5: number.device_class: expected a device … 'enregy'; is it energy?
CAMERA ↵ [[number]] ↵ device_class = 'xyz' → 4: number.device_class: expected a device class of Home
CAMERA ↵ [[number]] ↵ device_class = 'timestamp' → 4: number.device_class: expected … its state is no number
CAMERA ↵ every = "soon" → 3: camera.every: expected a time such as "60s", "5min" or "1h", got 'soon'
[camera] ↵ source = 'camera.toml' ↵ every = "1h" → 3: camera.every: expected a camera with it, got a file; leave it out
CAMERA ↵ every = "60s" ↵ look_frames = 2 → 4: camera.look_frames: expected min_frames (3) or more, got 2
CAMERA ↵ every = "60s" ↵ [[number]] ↵ kind = 'plate' → 5: number.kind: expected what stays, with every, got "plate"
CAMERA ↵ [[number]] ↵ kind = 'counter' ↵ wheels = true → 3: number.digits: expected how many wheels there are
CAMERA ↵ [[number]] ↵ kind = 'counter' ↵ tenths = true → 5: number.tenths: expected wheels = true with it, got false
CAMERA ↵ retry_s = 90 → 1: camera.retry_most_s: expected retry_s (90) or more, got 60
mask = [ ↵ [[0, 0], [0, 1], [1, 0]], ↵ [[0, 0], [0.5, 0.5], [1, 1]]] ↵ [camera] ↵ source = 0 → 1: mask: expected corners
CAMERA ↵ [reader] ↵ backend = 'gpu' → 4: reader.backend: expected one of auto
CAMERA ↵ [reader] ↵ backend = 'triton://gpu' → 4: reader.backend: expected … or triton://HOST:PORT, got 'triton://gpu'
CAMERA ↵ [reader] ↵ check = 'iban' → 4: reader.check: expected one of luhn, iso6346, ean13, got 'iban'
CAMERA ↵ [reader] ↵ all_text = true ↵ find = 'numbers' → 4: reader.all_text: expected find = "text" with it, got
CAMERA ↵ [[number]] ↵ decimal = ',' ↵ thousands = ',.' → 5: number.thousands: expected other characters than decimal
CAMERA ↵ [reader] ↵ pattern = '(' → 4: reader.pattern: expected a regular expression, got '(': missing )
CAMERA ↵ [[number]] ↵ pattern = '[' → 4: number.pattern: expected a regular expression, got '[':
CAMERA ↵ [[number]] ↵ [[number]] → 4: number.name: expected a name of its own for each number, got 'number'
CAMERA ↵ [[number]] ↵ falls = true → 4: number.falls: expected kind = "counter" with it, got "free"
CAMERA ↵ [[number]] ↵ kind = 'plate' ↵ digits = 3 → 5: number.digits: expected kind = "counter" with it
CAMERA ↵ [[number]] ↵ kind = 'counter' ↵ digits = 3 ↵ decimals = 3 → 6: number.decimals: expected fewer than digits
CAMERA ↵ [[number]] ↵ region = [[0, 0], [0, 0.5], [0, 1]] → 4: number.region: expected corners around an area
CAMERA ↵ [[jsonl]] ↵ [[jsonl]] → 3: jsonl: expected standard output once, as - or without a path, got it twice
CAMERA ↵ [[jsonl]] ↵ path='a' ↵ [[jsonl]] ↵ path='a' → 6: jsonl.path: expected a file of its own, got that of
name = "x" ↵ CAMERA ↵ [history] ↵ path='a' ↵ [mqtt] ↵ host='h' ↵ queue='a' → 5: history.path: expected a file of its
CAMERA ↵ [history] ↵ path='camera.toml/a' → 4: history.path: expected a folder that can be written to, got
CAMERA ↵ [evidence] ↵ keep='all' ↵ folder='scenes_x' → 5: evidence.folder: expected a name that does not begin
name = "x" ↵ CAMERA ↵ [mqtt] ↵ host = 'a b' → 5: mqtt.host: expected a host name or address, got something else;
name = "x" ↵ CAMERA ↵ [mqtt] ↵ host = 'h' ↵ topic = '' → 6: mqtt.topic: expected a topic, got none
name = "x" ↵ CAMERA ↵ [mqtt] ↵ host = 'h' ↵ topic = 'a/#' → 6: mqtt.topic: expected a topic without #, + and
name = "x" ↵ CAMERA ↵ [mqtt] ↵ host = 'h' ↵ home_assistant = '/x' → 6: mqtt.home_assistant: expected a topic without #,
name = "x" ↵ CAMERA ↵ [mqtt] ↵ host = 'h' ↵ ca_file = 'token' → 6: mqtt.ca_file: expected tls = true with it, got tls
name = "x" ↵ CAMERA ↵ [mqtt] ↵ host = 'h' ↵ tls = true ↵ ca_file = 'nix' → 7: mqtt.ca_file: expected a file that can
name = "x" ↵ CAMERA ↵ [mqtt] ↵ host = 'h' ↵ password_file = 'nix' → 6: mqtt.password_file: … got: No
CAMERA ↵ [http] ↵ host = '0.0.0.0' → 4: http.host: 0.0.0.0: expected a token, as other machines can reach this
CAMERA ↵ [http] ↵ token_file = 'nix' → 4: http.token_file:
"""
"""TOML, ↵ between its lines and CAMERA for a camera that is right → what is said of it, … for what is left out."""


@pytest.mark.parametrize("case", BROKEN.strip().splitlines())
def test_a_broken_rule_is_reported_with_its_line(problems, case):
    text, _, expected = case.partition(" → ")
    (problem,) = problems(re.sub(" ?↵ ?", "\n", text).replace("CAMERA", CAMERA.strip()))
    begins, _, holds = expected.partition(" … ")
    assert problem.startswith(begins)
    assert holds in problem


@pytest.mark.parametrize(
    "text",
    [
        "[camera]\nsource = 2\npreset = 'jetson-csi'",
        "[camera]\nsource = 'rtsps://h/1'\npreset = 'jetson-rtsp'",
        "[camera]\nsource = 'camera.toml'\npreset = 'jetson-file'",
        "[camera]\nsource = '/dev/video99'\nevery = '5min'",
        "[camera]\nsource = 'pictures/*.png'\nfps = 0.01",
        "[camera]\nsource = 'rtsp://h/1'\nfps = 0.1\ntimeout_s = 11",
        "[camera]\nsource = 'pictures/*.png'",
        f"{CAMERA}[http]\nhost = '::1'",
        f"{CAMERA}[http]\nhost = '0.0.0.0'\ntoken_file = 'token'",
        f"{CAMERA}[[number]]\nkind = 'counter'\ndigits = 4\ndecimals = 3\nfalls = true\nmax_rate = 1",
        f"{CAMERA}[evidence]\nfolder = 'scenes_x'",
        f"name = 'x'\n{CAMERA}[mqtt]\nhost = 'h'\nhome_assistant = ''",
        f"name = 'x'\n{CAMERA}[mqtt]\nhost = 'h'\nversion = '3.1.1'\npassword_file = 'token'",
        f"{CAMERA}[[number]]\nunit = 'm³'\ndevice_class = 'water'",
        f"{CAMERA}[[number]]\nunit = 'EUR'\ndevice_class = 'monetary'",
        f"{CAMERA}[[number]]\ndevice_class = 'ph'",
        f"{CAMERA}[[number]]\nunit = 'widgets'",
        "[camera]\nsource = 'rtsp://h/1'\nusername = 'me'\npassword_file = 'token'",
        "[camera]\nsource = 'http://me:ge%23heim@h/1?a=b'",
        "[camera]\nsource = 'rtspsrc location=rtsp://h/1 ! appsink'",
    ],
)
def test_what_breaks_no_rule(problems, text):
    assert problems(text) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a.mp4", True),
        ("/dev/video0", True),
        (0, False),
        ("0", False),
        ("rtsp://a", False),
        ("a ! b", False),
        ("a!", True),
    ],
)
def test_paths_are_known_from_other_sources(source, expected):
    assert is_path(source) == expected
