"""Videos with known truth for the tests of streams: a mechanical counter, plates that pass, a display that changes.

Each is an iterable of (frame, truth); the same arguments give the same pictures. ``write_video`` makes a file of one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf")
SIZE_HW = 720, 1280
FINER = 4
"""Wheels are drawn so many times larger, so that they roll smoothly."""
CORRUPTIONS = ("torn", "grey", "shifted", "noise", "black")
SEGMENTS = {"0": "abcdef", "1": "bc", "2": "abged", "3": "abgcd", "4": "fgbc", "5": "afgcd"} | {
    "6": "afgedc",
    "7": "abc",
    "8": "abcdefg",
    "9": "abcdfg",
}


@dataclass(frozen=True)
class Truth:
    """What a frame shows."""

    texts: tuple[str, ...]
    """What it is right to read. A counter between two values: the lower one, then the next."""
    corrupted: str = ""
    """How the frame was damaged, if it was."""


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What makes a camera's pictures hard to read; 0 = not at all."""

    glare: float = 0.5
    """Brightest spot of the light that wanders over the picture, 0..1."""
    blur_px: float = 1.5
    """Gaussian blur at its worst; it comes and goes."""
    noise: float = 4.0
    """Standard deviation in grey levels."""
    light: float = 0.25
    """Share by which the brightness goes up and down."""
    corrupted: float = 0.05
    """Share of frames that arrive damaged: torn, grey, shifted, noise or black."""
    shake_px: float = 0.0
    """Standard deviation of the camera's place."""


class Spoiler:
    """Puts trouble on clean frames."""

    def __init__(self, trouble: Trouble, centre_xy: tuple[int, int], seed: int) -> None:
        self.trouble, self._centre = trouble, centre_xy
        self._random = np.random.default_rng(seed)
        self._phases = self._random.uniform(0, 2 * np.pi, 6)
        self._noise = self._random.normal(0, trouble.noise, (144, SIZE_HW[1])).astype(np.float32)
        y, x = np.mgrid[-240:240, -320:320].astype(np.float32)
        self._spot = np.exp(-((x / 110) ** 2 + (y / 60) ** 2)).astype(np.float32)

    def spoil(self, frame: np.ndarray, second: float) -> tuple[np.ndarray, str]:
        """Return the frame as a bad camera gives it, and how it was corrupted."""
        trouble, waves = self.trouble, np.sin(second * np.array([0.9, 0.6, 0.4, 1.7, 0.13, 0.7]) + self._phases)
        if trouble.shake_px:
            dx, dy = self._random.normal(0, trouble.shake_px, 2)
            frame = cv2.warpAffine(
                frame, np.float32([[1, 0, dx], [0, 1, dy]]), SIZE_HW[::-1], borderMode=cv2.BORDER_REFLECT
            )
        blur_px = trouble.blur_px * max(0.0, waves[0])
        if blur_px > 0.2:
            frame = cv2.GaussianBlur(frame, (0, 0), blur_px)
        frame = cv2.convertScaleAbs(frame, alpha=1 + trouble.light * waves[3] * 0.5 + trouble.light * waves[4] * 0.5)
        if trouble.glare:
            self._shine(frame, waves)
        if trouble.noise:
            frame = self._add_noise(frame)
        kind = str(self._random.choice(CORRUPTIONS)) if self._random.random() < trouble.corrupted else ""
        return (self._corrupt(frame, kind) if kind else frame), kind

    def _shine(self, frame: np.ndarray, waves: np.ndarray) -> None:
        """A soft light that wanders around the text and changes its strength."""
        x = int(self._centre[0] + 330 * waves[1])
        y = int(self._centre[1] + 130 * waves[2])
        strength = 255 * self.trouble.glare * (0.6 + 0.4 * waves[5])
        left, top = x - 320, y - 240
        x0, y0, x1, y1 = max(0, left), max(0, top), min(frame.shape[1], left + 640), min(frame.shape[0], top + 480)
        if x0 < x1 and y0 < y1:
            spot = (self._spot[y0 - top : y1 - top, x0 - left : x1 - left] * strength).astype(np.uint8)
            frame[y0:y1, x0:x1] = cv2.add(frame[y0:y1, x0:x1], cv2.merge([spot] * 3))

    def _add_noise(self, frame: np.ndarray) -> np.ndarray:
        """Grey noise, drawn once and laid anew each time."""
        rows = self._random.integers(0, len(self._noise), len(frame))
        noise = np.roll(self._noise[rows], int(self._random.integers(SIZE_HW[1])), axis=1)
        return cv2.add(frame, cv2.merge([noise] * 3), dtype=cv2.CV_8U)

    def _corrupt(self, frame: np.ndarray, kind: str) -> np.ndarray:
        height, width = frame.shape[:2]
        if kind == "torn":  # blocks of a stream that lost packets: rows of them lie elsewhere
            torn = frame.copy()
            for _ in range(self._random.integers(3, 9)):
                y, x = int(self._random.integers(0, height - 48)), int(self._random.integers(30, width - 30))
                torn[y : y + 48] = np.roll(frame[y : y + 48], x, axis=1)
            return torn
        if kind == "grey":
            grey = frame.copy()
            grey[int(self._random.integers(0, height // 2)) :] = 128
            return grey
        if kind == "shifted":
            return np.roll(frame, self._random.integers(40, 400, 2), axis=(0, 1))
        if kind == "noise":
            return self._random.integers(0, 256, frame.shape, np.uint8)
        return np.zeros_like(frame)


@dataclass(frozen=True, kw_only=True)
class Meter:
    """A water or power meter with a mechanical counter: digit wheels behind a window."""

    value_at: Callable[[float], float] = lambda second: 27415 + 0.25 * second
    """Exact position at a second; the last wheel shows units."""
    digits: int = 6
    rolls: bool = True
    """Whether the last wheel rolls all the time; else it steps, in the last tenth of a unit's way."""
    dark: bool = True
    """White on black; else black on white."""
    centre_xy: tuple[int, int] = (620, 330)
    digit_px: int = 52
    """Height of a digit."""
    trouble: Trouble = Trouble()
    seed: int = 0
    frames: int = 500
    fps: float = 25.0

    def __iter__(self) -> Iterator[tuple[np.ndarray, Truth]]:
        return self.at(number / self.fps for number in range(self.frames))

    def at(self, seconds: Iterable[float]) -> Iterator[tuple[np.ndarray, Truth]]:
        """The pictures at these seconds."""
        scene, strip = self._scene(), self._strip()
        spoiler = Spoiler(self.trouble, self.centre_xy, self.seed)
        for second in seconds:
            value = self.value_at(second) % 10**self.digits
            frame = scene.copy()
            self._draw_wheels(frame, strip, value)
            frame, kind = spoiler.spoil(frame, second)
            yield frame, Truth(self.texts(value), kind)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x, y, width, height of the window, pixels."""
        wide, high = self._wheel[0] * self.digits, int(self.digit_px * 1.35)
        return self.centre_xy[0] - wide // 2, self.centre_xy[1] - high // 2, wide, high

    @property
    def region(self) -> list[tuple[float, float]]:
        """A polygon around the window, for `settings.Number`."""
        x, y, wide, high = self.box
        x0, y0, x1, y1 = x - 40, y - 30, x + wide + 40, y + high + 30
        return [(x / SIZE_HW[1], y / SIZE_HW[0]) for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]

    def texts(self, value: float) -> tuple[str, ...]:
        """What is right to read at a position: between two values, both."""
        lower = int(value)
        moved = self._last_wheel(value) - lower
        both = (lower,) if moved < 0.1 else (lower, lower + 1) if moved < 0.9 else (lower + 1,)
        return tuple(f"{number % 10**self.digits:0{self.digits}d}" for number in both)

    @property
    def _wheel(self) -> tuple[int, int]:
        """Pixels from one wheel to the next, and from one digit of a wheel to the next."""
        return int(self.digit_px * 0.95), int(self.digit_px * 1.5)

    def _last_wheel(self, value: float) -> float:
        return value if self.rolls else np.floor(value) + max(0.0, (value % 1 - 0.9) * 10)

    def _places(self, value: float) -> list[float]:
        """How far each wheel has turned, 0..10, from the left: a wheel turns while all behind it go from 9 to 0."""
        last = self._last_wheel(value)
        return [
            (last // 10**power + max(0.0, last % 10**power - (10**power - 1))) % 10 if power else last % 10
            for power in reversed(range(self.digits))
        ]

    def _strip(self) -> np.ndarray:
        """The digits 8 9 0 1 ... 9 0 1, one below the other, FINER times as large; grey uint8."""
        wide, high = (side * FINER for side in self._wheel)
        strip = Image.new("L", (wide, high * 14), 0)
        # Digits of DejaVu Sans are 0.73 of the size high.
        font, draw = ImageFont.truetype(FONT, round(self.digit_px * FINER / 0.73)), ImageDraw.Draw(strip)
        for place, digit in enumerate(range(8, 22)):
            draw.text((wide // 2, high * place + high // 2), str(digit % 10), 255, font, "mm")
        return np.asarray(strip)

    def _draw_wheels(self, frame: np.ndarray, strip: np.ndarray, value: float) -> None:
        x0, y0, _, high = self.box
        step, apart = self._wheel
        y = (np.arange(high) + 0.5) / high * 2 - 1
        shade = (1 - 0.75 * np.abs(y) ** 3)[:, None]  # a wheel turns away from the light
        for number, place in enumerate(self._places(value)):
            top = round((2.5 + place) * apart * FINER - high * FINER / 2)
            part = cv2.resize(strip[top : top + high * FINER], (step, high), interpolation=cv2.INTER_AREA) / 255
            part = 25 + 205 * part if self.dark else 225 - 200 * part
            wheel = part * shade
            wheel[:, :2] = wheel[:, -2:] = 8 if self.dark else 90
            frame[y0 : y0 + high, x0 + number * step : x0 + (number + 1) * step] = wheel[..., None]

    def _scene(self) -> np.ndarray:
        """A round case on a wall with a plate, small print and a pipe."""
        random = np.random.default_rng(self.seed + 1)
        scene = _wall(random)
        (x, y), (box_x, box_y, wide, high) = self.centre_xy, self.box
        cv2.rectangle(scene, (0, y - 60), (SIZE_HW[1], y + 60), (70, 105, 150), -1)
        cv2.rectangle(scene, (0, y - 60), (SIZE_HW[1], y - 40), (110, 150, 195), -1)
        radius = int(wide * 0.78)
        for shrink, colour in ((0, (60, 55, 50)), (14, (185, 180, 172)), (26, (214, 212, 208))):
            cv2.circle(scene, (x, y + 20), radius - shrink, colour, -1, cv2.LINE_AA)
        ink = (60, 60, 70)
        for text, size, dx, dy in (
            ("HYDRA multi-jet", 0.8, -110, -110),
            ("m3", 0.8, wide // 2 + 12, 12),
            ("Qn 1.5  Class B", 0.45, -60, 120),
            ("No 20-1187433", 0.45, -60, 145),
        ):
            cv2.putText(scene, text, (x + dx, y + dy), cv2.FONT_HERSHEY_SIMPLEX, size, ink, 1, cv2.LINE_AA)
        cv2.rectangle(scene, (box_x - 8, box_y - 8), (box_x + wide + 7, box_y + high + 7), (30, 30, 32), -1)
        return scene


@dataclass(frozen=True, kw_only=True)
class Plates:
    """Plates that pass a camera from left to right, one after the other; each comes nearer."""

    texts: Sequence[str] = ("48213", "907561", "33478", "612095")
    visible: Sequence[int] = (40, 24, 14, 30)
    """Frames that each plate takes from edge to edge."""
    gap: int = 12
    """Frames without any."""
    trouble: Trouble = Trouble(glare=0.25, blur_px=1.0, shake_px=0.5)
    seed: int = 0

    def __iter__(self) -> Iterator[tuple[np.ndarray, Truth]]:
        random = np.random.default_rng(self.seed)
        road, spoiler, number = _wall(random), Spoiler(self.trouble, (640, 400), self.seed), 0
        for text, visible in zip(self.texts, cycle(self.visible)):
            car = _car(text, tuple(int(value) for value in random.integers(30, 190, 3)))
            for place in range(-self.gap, visible):
                frame = road.copy()
                box = _lay(frame, car, place / visible) if place >= 0 else None
                frame, kind = spoiler.spoil(frame, number / 25)
                whole = box is not None and box[0] > 5 and box[0] + box[2] < SIZE_HW[1] - 5
                yield frame, Truth((text,) if whole else (), kind)
                number += 1
        for place in range(self.gap):
            frame, kind = spoiler.spoil(road, (number + place) / 25)
            yield frame, Truth((), kind)


@dataclass(frozen=True, kw_only=True)
class Display:
    """A number in one place that changes now and then: seven segments, or printed; "" = off."""

    texts: Sequence[str] = ("18.4", "18.9", "", "20.1")
    stays: int = 75
    """Frames that each text stays."""
    segments: bool = True
    trouble: Trouble = Trouble()
    seed: int = 0

    def __iter__(self) -> Iterator[tuple[np.ndarray, Truth]]:
        random = np.random.default_rng(self.seed)
        scene, spoiler, number = _wall(random), Spoiler(self.trouble, (640, 360), self.seed), 0
        cv2.rectangle(scene, (430, 230), (850, 490), (62, 60, 58), -1)
        cv2.rectangle(scene, (460, 280), (820, 440), (20, 22, 20) if self.segments else (225, 228, 230), -1)
        for text in self.texts:
            label = _segments(text) if self.segments else _printed(text)
            light = (np.array([60, 255, 90]) if self.segments else np.array([-190, -195, -200])) / 255
            place = scene[310:410, 490 : 490 + label.shape[1]]
            shown = scene.copy()
            shown[310:410, 490 : 490 + label.shape[1]] = np.clip(place + label[..., None] * light, 0, 255)
            for _ in range(self.stays):
                frame, kind = spoiler.spoil(shown, number / 25)
                yield frame, Truth((text,) if text else (), kind)
                number += 1


@dataclass(frozen=True, kw_only=True)
class Lcd:
    """A meter with a display of seven segments, which changes at once."""

    value_at: Callable[[float], float] = lambda second: 27415 + 0.25 * second
    digits: int = 6
    trouble: Trouble = Trouble()
    seed: int = 0

    def at(self, seconds: Iterable[float]) -> Iterator[tuple[np.ndarray, Truth]]:
        """The pictures at these seconds."""
        scene, spoiler = _wall(np.random.default_rng(self.seed)), Spoiler(self.trouble, (640, 360), self.seed)
        for second in seconds:
            (text,) = self.texts(self.value_at(second))
            label = _segments(text)[..., None] / 255
            x, wide = 640 - label.shape[1] // 2, label.shape[1]
            shown = scene.copy()
            cv2.rectangle(shown, (x - 60, 230), (x + wide + 60, 490), (62, 60, 58), -1)
            cv2.rectangle(shown, (x - 30, 280), (x + wide + 30, 440), (150, 172, 160), -1)
            shown[310:410, x : x + wide] = (shown[310:410, x : x + wide] * (1 - 0.8 * label)).astype(np.uint8)
            frame, kind = spoiler.spoil(shown, second)
            yield frame, Truth((text,), kind)

    def texts(self, value: float) -> tuple[str]:
        """What is right to read at a position."""
        return (f"{int(value) % 10**self.digits:0{self.digits}d}",)

    @property
    def region(self) -> list[tuple[float, float]]:
        """A polygon around the display, for `settings.Number`."""
        return [(0.2, 0.35), (0.8, 0.35), (0.8, 0.65), (0.2, 0.65)]


def write_video(path: str | Path, pictures: Iterable[tuple[np.ndarray, Truth]], fps: float = 25.0) -> list[Truth]:
    """Write a video file, Motion JPEG (.avi) or MPEG-4 (.mp4), and return each frame's truth."""
    codec = {".avi": "MJPG", ".mp4": "mp4v"}[Path(path).suffix]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, SIZE_HW[::-1])
    assert writer.isOpened(), f"OpenCV cannot write {path}"
    truths = []
    for frame, truth in pictures:
        writer.write(frame)
        truths.append(truth)
    writer.release()
    return truths


def changes(truths: Iterable[Truth]) -> list[str]:
    """Texts that a perfect reader of a counter or display would tell, in order: each time a new one shows alone."""
    found: list[str] = []
    for truth in truths:
        if len(truth.texts) == 1 and truth.texts[0] != (found[-1] if found else None):
            found.append(truth.texts[0])
    return found


def _wall(random: np.random.Generator) -> np.ndarray:
    """A rough surface with soft light."""
    rough = random.normal(0, 1, (SIZE_HW[0] // 8, SIZE_HW[1] // 8)).astype(np.float32)
    rough = cv2.resize(rough, SIZE_HW[::-1], interpolation=cv2.INTER_CUBIC) * 6
    light = np.linspace(135, 95, SIZE_HW[1], dtype=np.float32)
    return np.clip(rough + light, 0, 255).astype(np.uint8)[..., None].repeat(3, axis=2)


def _printed(text: str, high: int = 100) -> np.ndarray:
    """Text (high, wide) float32 0..255."""
    font = ImageFont.truetype(FONT, round(high * 0.75 / 0.73))
    picture = Image.new("L", (max(1, int(font.getlength(text)) + 8), high), 0)
    ImageDraw.Draw(picture).text((4, high // 2), text, 255, font, "lm")
    return np.asarray(picture, np.float32)


def _segments(text: str) -> np.ndarray:
    """Seven-segment digits (100, wide) float32 0..255, leaning a little."""
    wide, high, thick = 52, 92, 10
    ends = {"a": (0, 0, 1, 0), "b": (1, 0, 1, 1), "c": (1, 1, 1, 2), "d": (0, 2, 1, 2)} | {
        "e": (0, 1, 0, 2),
        "f": (0, 0, 0, 1),
        "g": (0, 1, 1, 1),
    }
    picture, x = np.zeros((100, 30 + 76 * len(text)), np.uint8), 14
    for character in text:
        if character == ".":
            cv2.circle(picture, (x - 8, high - 4), 6, 255, -1, cv2.LINE_AA)
            x += 14
            continue
        for segment in SEGMENTS[character]:
            start, end = np.float32(ends[segment]).reshape(2, 2) * np.float32([wide - thick, (high - thick) / 2])
            short = (end - start) / np.hypot(*(end - start)) * thick * 0.6
            points = [np.round(end + [x + 5, 9]).astype(int).tolist() for end in (start + short, end - short)]
            cv2.line(picture, points[0], points[1], 255, thick, cv2.LINE_AA)
        x += wide + 18
    lean = np.float32([[1, -0.08, 8], [0, 1, 0]])
    return cv2.warpAffine(picture, lean, picture.shape[::-1]).astype(np.float32)


def _car(text: str, colour: tuple[int, ...]) -> np.ndarray:
    """The front of a car with a plate in its middle, (300, 420, 3) uint8."""
    car = np.full((300, 420, 3), colour, np.uint8)
    cv2.rectangle(car, (20, 20), (400, 120), (70, 60, 50), -1)
    for x in (55, 365):
        cv2.circle(car, (x, 190), 32, (225, 235, 240), -1, cv2.LINE_AA)
    label = cv2.resize(_printed(text), (170, 42), interpolation=cv2.INTER_AREA)
    cv2.rectangle(car, (113, 203), (307, 263), (40, 40, 40), -1)
    car[206:260, 116:304] = (222, 226, 228)
    car[212:254, 125:295] = (car[212:254, 125:295] * (1 - label[..., None] / 290)).astype(np.uint8)
    return car


def _lay(frame: np.ndarray, car: np.ndarray, along: float) -> tuple[int, int, int, int]:
    """Draw a car that is so far along its way (0..1), and return the box of its plate."""
    scale = 0.8 + 0.5 * along
    x, y = -200 + along * (SIZE_HW[1] + 50), 180 + 120 * along
    place = np.float32([[scale, 0, x], [0, scale, y]])
    cv2.warpAffine(car, place, SIZE_HW[::-1], frame, borderMode=cv2.BORDER_TRANSPARENT)
    return int(x + 116 * scale), int(y + 206 * scale), int(188 * scale), int(54 * scale)
