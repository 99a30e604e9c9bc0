import pytest

from edgereader.runtime.errors import ConfigError
from edgereader.runtime.stream.configuration.config import load
from edgereader.runtime.stream.configuration.rules import is_path

CAMERA = "[camera]\nsource = 0\n"


@pytest.fixture
def problems(tmp_path, monkeypatch):
    monkeypatch.delenv("EDGEREADER_TOKEN", raising=False)
    (tmp_path / "token").write_text("0123456789abcdef\n")

    def problems(text):
        path = tmp_path / "camera.toml"
        path.write_text(text)
        try:
            load(path)
        except ConfigError as exc:
            return [each.replace(f"{path}:", "") for each in exc.problems]
        return []

    return problems


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[camera]\nsource = -1", "2: camera.source: expected a camera's number from 0, got -1"),
        ("[camera]\nsource = 'nix.mp4'", "2: camera.source: expected a file or folder that is there, got "),
        ("[camera]\nsource = 'rtsp://h/1'\npreset = 'jetson-csi'", "2: camera.source: expected a camera's number for"),
        ("[camera]\nsource = 'http://h/1'\npreset = 'jetson-rtsp'", "2: camera.source: expected an rtsp:// URL for"),
        ("[camera]\nsource = 1\npreset = 'jetson-file'", "2: camera.source: expected a video file for jetson-file"),
        (
            "[camera]\nsource = 'rtsp://me:12#geheim@h/1'",
            "2: camera.source: rtsp://***: expected a URL whose login is encoded, got another; in a",
        ),
        (
            "[camera]\nsource = 'rtmp://me:geheim@h/1'",
            "2: camera.source: 'rtmp://***@h/1': expected a URL of a host",
        ),
        (
            "[camera]\nsource = 'rtsp:/me:geheim@h/1'",
            "2: camera.source: expected a file or folder that is there, got **",
        ),
        (
            "[camera]\nsource = 'rtsp://me@h/1'\nusername = 'me'\npassword_file = 'token'",
            "3: camera.username: expected it here or in the address, got both",
        ),
        (
            f"{CAMERA}username = 'me'",
            "3: camera.username: expected the address of a network camera with it, got an",
        ),
        (
            "[camera]\nsource = 'rtsp://h/1'\npassword_file = 'token'",
            "3: camera.password_file: expected username with it, got none",
        ),
        ("[camera]\nsource = 'rtsp://h/1'\nusername = 'me'\npassword_file = 'nix'", "4: camera.password_file: "),
        (
            f"{CAMERA}[[number]]\nunit = 'm3'\ndevice_class = 'water'",
            '4: number.unit: expected one of CCF, ft³, m³, gal, L, MCF with device_class = "water", got "m3"; is it',
        ),
        (
            f"{CAMERA}[[number]]\n\ndevice_class = 'water'",
            '3: number.unit: expected one of CCF, ft³, m³, gal, L, MCF with device_class = "water", got ""; cha',
        ),
        (
            f"{CAMERA}[[number]]\n\ndevice_class = 'enregy'",
            "5: number.device_class: expected a device class of Home Assistant, for numbers, got 'enregy'; is it",
        ),
        (
            f"{CAMERA}[[number]]\ndevice_class = 'xyz'",
            "4: number.device_class: expected a device class of Home",
        ),
        (
            f"{CAMERA}[[number]]\ndevice_class = 'timestamp'",
            "4: number.device_class: expected a device class of Home Assistant, for numbers, got 'timestamp'; ",
        ),
        (f"{CAMERA}retry_s = 90", "1: camera.retry_most_s: expected retry_s (90) or more, got 60"),
        (
            f"mask = [\n[[0, 0], [0, 1], [1, 0]],\n[[0, 0], [0.5, 0.5], [1, 1]]]\n{CAMERA}",
            "3: mask: expected corners around",
        ),
        (f"{CAMERA}[reader]\nbackend = 'gpu'", "4: reader.backend: expected one of auto, "),
        (f"{CAMERA}[reader]\ncheck = 'iban'", "4: reader.check: expected one of luhn, iso6346, ean13, got 'iban'"),
        (
            f"{CAMERA}[reader]\nall_text = true\nfind = 'numbers'",
            '4: reader.all_text: expected find = "text" with it, got',
        ),
        (
            f"{CAMERA}[[number]]\ndecimal = ','\nthousands = ',.'",
            "5: number.thousands: expected other characters than decimal, got the same one",
        ),
        (f"{CAMERA}[reader]\npattern = '('", "4: reader.pattern: expected a regular expression, got '(': missing )"),
        (f"{CAMERA}[[number]]\npattern = '['", "4: number.pattern: expected a regular expression, got '[': "),
        (
            f"{CAMERA}[[number]]\n[[number]]\n",
            "4: number.name: expected a name of its own for each number, got 'number'",
        ),
        (f"{CAMERA}[[number]]\nfalls = true", '4: number.falls: expected kind = "counter" with it, got "free"'),
        (f"{CAMERA}[[number]]\nkind = 'plate'\ndigits = 3", '5: number.digits: expected kind = "counter" with it'),
        (
            f"{CAMERA}[[number]]\nkind = 'counter'\ndigits = 3\ndecimals = 3",
            "6: number.decimals: expected fewer than digit",
        ),
        (
            f"{CAMERA}[[number]]\nregion = [[0, 0], [0, 0.5], [0, 1]]",
            "4: number.region: expected corners around an area",
        ),
        (
            f"{CAMERA}[[jsonl]]\n[[jsonl]]\n",
            "3: jsonl: expected standard output once, as - or without a path, got it twice",
        ),
        (
            f"{CAMERA}[[jsonl]]\npath='a'\n[[jsonl]]\npath='a'",
            "6: jsonl.path: expected a file of its own, got that of jso",
        ),
        (
            f"{CAMERA}[history]\npath='a'\n[mqtt]\nhost='h'\nqueue='a'",
            "4: history.path: expected a file of its own, got th",
        ),
        (f"{CAMERA}[history]\npath='camera.toml/a'", "4: history.path: expected a folder that can be written to, got "),
        (
            f"{CAMERA}[evidence]\nkeep='all'\nfolder='scenes_x'",
            "5: evidence.folder: expected a name that does not begin",
        ),
        (
            f"{CAMERA}[mqtt]\nhost = 'a b'",
            "4: mqtt.host: expected a host name or address, got something else; port, user",
        ),
        (f"{CAMERA}[mqtt]\nhost = 'h'\ntopic = ''", "5: mqtt.topic: expected a topic, got none"),
        (
            f"{CAMERA}[mqtt]\nhost = 'h'\ntopic = 'a/#'",
            "5: mqtt.topic: expected a topic without #, + and blanks, not fr",
        ),
        (
            f"{CAMERA}[mqtt]\nhost = 'h'\nhome_assistant = '/x'",
            "5: mqtt.home_assistant: expected a topic without #, + and",
        ),
        (
            f"{CAMERA}[mqtt]\nhost = 'h'\nca_file = 'token'",
            "5: mqtt.ca_file: expected tls = true with it, got tls = false",
        ),
        (
            f"{CAMERA}[mqtt]\nhost = 'h'\ntls = true\nca_file = 'nix'",
            "6: mqtt.ca_file: expected a file that can be read, ",
        ),
        (
            f"{CAMERA}[http]\nhost = '0.0.0.0'",
            "4: http.host: 0.0.0.0: expected a token, as other machines can reach this",
        ),
        (f"{CAMERA}[http]\ntoken_file = 'nix'", "4: http.token_file: "),
    ],
)
def test_a_broken_rule_is_told_with_its_line(problems, text, expected):
    (problem,) = problems(text)
    assert problem.startswith(expected)


def test_a_password_that_cannot_be_read_is_told_without_it(problems, tmp_path):
    (tmp_path / "empty").write_text("\ngeheim\n")
    text = f"{CAMERA}[mqtt]\nhost = 'h'\npassword_file = "
    (problem,) = problems(f"{text}'nix'")
    assert problem.startswith("5: mqtt.password_file: ")
    assert "expected a file with a password, got: No such file" in problem
    (problem,) = problems(f"{text}'empty'")
    assert "expected a password on the first line, got none" in problem
    assert "geheim" not in problem
    assert problems(f"{text}'token'") == []


@pytest.mark.parametrize(
    "text",
    [
        "[camera]\nsource = 2\npreset = 'jetson-csi'",
        "[camera]\nsource = 'rtsps://h/1'\npreset = 'jetson-rtsp'",
        "[camera]\nsource = 'camera.toml'\npreset = 'jetson-file'",
        "[camera]\nsource = '/dev/video99'",
        "[camera]\nsource = 'pictures/*.png'",
        f"{CAMERA}[http]\nhost = '::1'",
        f"{CAMERA}[http]\nhost = '0.0.0.0'\ntoken_file = 'token'",
        f"{CAMERA}[[number]]\nkind = 'counter'\ndigits = 4\ndecimals = 3\nfalls = true\nmax_rate = 1",
        f"{CAMERA}[evidence]\nfolder = 'scenes_x'",
        f"{CAMERA}[mqtt]\nhost = 'h'\nhome_assistant = ''",
        f"{CAMERA}[mqtt]\nhost = 'h'\nversion = '3.1.1'",
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


def test_a_token_in_the_environment_will_do(problems, monkeypatch):
    monkeypatch.setenv("EDGEREADER_TOKEN", "0123456789abcdef")
    assert problems(f"{CAMERA}[http]\nhost = '0.0.0.0'") == []


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
def test_paths_are_told_from_other_sources(source, expected):
    assert is_path(source) == expected
