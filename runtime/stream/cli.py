"""``edgereader stream``: numbers from a camera or a video, as they are read."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, get_args

import click
from click.core import ParameterSource

from ..commands.options import OPTIONS, only_backend, options_named, start_log
from ..errors import TRY_AGAIN, ConfigError, EdgeReaderError, one_line
from ..text.checks import CHECKS
from .configuration.schema import EXAMPLE, Place
from .secrets import SERVICE, find_token
from .settings import UNNAMED, Kind
from .shutdown import Stopping, may_pass

if TYPE_CHECKING:
    from .configuration.editing import Editor
    from .run import Stream
    from .settings import Settings

EXIT_CODES = (
    "Exit codes: 0 = the file has ended, --seconds are over, it was stopped by SIGINT or SIGTERM, or nobody reads "
    "standard output any more; 1 = the source cannot be opened or read on, or the backend fails; 2 = wrong usage, "
    "configuration, bundle or backend; 75 = what may pass keeps it from starting, such as a full disk or a taken port: "
    "try again; 128 + N = signal N came a second time and ended it at once."
)


def corners(_context: click.Context, _parameter: click.Parameter, value: str | None) -> list[list[float]] | None:
    """Read ``x,y x,y x,y``, corners as shares of the picture; two are those of an upright rectangle."""
    try:
        found = [[float(x), float(y)] for x, y in (corner.split(",") for corner in (value or "").split())]
    except ValueError as exc:
        raise click.BadParameter(f"expected corners such as '0.1,0.2 0.9,0.4', got {value!r}") from exc
    if len(found) == 2:
        (left, top), (right, bottom) = found
        found = [[left, top], [right, top], [right, bottom], [left, bottom]]
    return None if value is None else found


def address(_context: click.Context, parameter: click.Parameter, value: str | None) -> dict[str, Any] | None:
    """Read ``HOST``, ``HOST:PORT``, ``[IPv6]:PORT`` or ``PORT``."""
    if value is None or value.isdecimal():
        return None if value is None else {"port": int(value)}
    found = re.fullmatch(r"(\[[^\]\s]+\]|[^:@/\s]+)(?::(\d{1,5}))?", value)
    if found is None:
        raise click.BadParameter(f"expected {parameter.metavar}, got something else; an IPv6 address needs brackets")
    return {"host": found[1].strip("[]"), **({"port": int(found[2])} if found[2] else {})}


READER = tuple(name for name in OPTIONS if name not in {"check", "rotations", "upright", "verbose"})
"""Options that `edgereader read` has too."""
PLACES: dict[str, Place] = {
    **{name: ("reader", "backend" if name == "triton" else name) for name in READER},
    "name": ("name",),
    "every_frame": ("camera", "every_frame"),
    "loop": ("camera", "loop"),
    "check_digit": ("reader", "check"),
    "kind": ("number", 0, "kind"),
    "region": ("number", 0, "region"),
    "mqtt": ("mqtt",),
    "http": ("http",),
    "history": ("history", "path"),
    "keep": ("evidence", "keep"),
}
"""Option → where it goes in a configuration."""


@click.command(epilog=EXIT_CODES)
@click.argument("source", required=False, metavar="SOURCE|CONFIG.toml")
@click.option(
    "--check",
    is_flag=True,
    help="Say all that is wrong with a configuration, its source, its broker and its files, or what it would run.",
)
@click.option("--example", is_flag=True, help="Print a configuration with every key, its default and what it does.")
@click.option("--schema", is_flag=True, help="Print a JSON schema of the configuration, for editors.")
@click.option(
    "--setup",
    is_flag=True,
    help="Write SOURCE and options into a configuration, NAME.toml, and show on the live page where the numbers are.",
)
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="Stop after so long.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where relative paths of what is written count from.  [default: the configuration's folder]",
)
@click.option("--name", help="Of the stream, for topics and the page.")
@click.option(
    "--kind", type=click.Choice(get_args(Kind)), help="What is read: any number, a plate once, a counter that rises."
)
@click.option(
    "--region",
    callback=corners,
    metavar="'X,Y X,Y ...'",
    help="Read only in here: corners as shares of the picture, two for a rectangle.",
)
@click.option(
    "--every-frame", is_flag=True, help="Read every frame of a file; without it, the latest one, as of a camera."
)
@click.option("--loop", is_flag=True, help="Start a file or folder again at its end.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each event on standard output.")
@click.option(
    "--jsonl", "files", type=click.Path(dir_okay=False), multiple=True, help="A line of JSON for each event in a file."
)
@click.option(
    "--mqtt", callback=address, metavar="HOST[:PORT]", help="A broker; user, TLS and more are for the configuration."
)
@click.option(
    "--http", callback=address, metavar="[HOST:]PORT", help="The live page; other hosts than 127.0.0.1 need a token."
)
@click.option("--history", type=click.Path(dir_okay=False), help="A file for the events of the past.")
@click.option(
    "--keep", type=click.Choice(("unsure", "all", "none")), help="Keep pictures of readings, to correct them."
)
@click.option("--check-digit", type=click.Choice(list(CHECKS)), help="Keep only readings with a right check digit.")
@options_named(*READER, "verbose")
def stream(
    source: str | None,
    *,
    check: bool,
    setup: bool,
    example: bool,
    schema: bool,
    seconds: float | None,
    folder: Path | None,
    verbose: bool,
    **_: Any,
) -> None:
    """Read numbers from a camera (0, /dev/video0, rtsp://, http://), a video, a folder or a GStreamer pipeline.

    Or do what a configuration says; options go before it. Without a sink, a line for each event is printed.
    """
    if example:
        click.echo(EXAMPLE.read_text(encoding="utf-8"), nl=False)
        return
    if schema:
        from .configuration.json_schema import json_schema

        click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
        return
    if source is None:
        raise click.UsageError("expected a SOURCE or a CONFIG.toml, got none; see --help, or --example")
    start_log(verbose=verbose)
    context = click.get_current_context()
    given = {key: value for key, value in context.params.items() if _is_given(context, key)}
    only_backend(given.get("backend", "auto"), given.get("triton"))
    if setup:
        source = _begin(source, given)
    if check:
        _check(source, given, folder)
    else:
        _run(source, given, folder, seconds)


def _is_given(context: click.Context, key: str) -> bool:
    return context.get_parameter_source(key) is ParameterSource.COMMANDLINE


def _asked(source: str, given: Mapping[str, Any]) -> tuple[Path | None, dict[Place, Any], list[str]]:
    """Return the file, the options by their places, and the files for lines of JSON that were asked for."""
    options = _options(given)
    files = [*map(_absolute, given.get("files", ())), *["-"] * ("as_json" in given)]
    if source.lower().endswith(".toml"):
        return Path(source), options, files
    options["camera", "source"] = int(source) if source.isdecimal() else source
    return None, options, files


def _begin(source: str, given: dict[str, Any]) -> str:
    """Write the file that setting up begins with; return its name, and leave only options that are in no file."""
    from .configuration.starting import begin

    path, options, _ = _asked(source, given)
    path = path or Path(f"{given.get('name', UNNAMED)}.toml")
    with may_pass():
        begin(path, options)
    for key in PLACES.keys() & given.keys():
        del given[key]
    click.echo(f"configuration: {path}", err=True)
    return str(path)


def _options(given: Mapping[str, Any]) -> dict[Place, Any]:
    """Return options by their place in a configuration; their paths count from the current folder."""
    options: dict[Place, Any] = {}
    for key in PLACES.keys() & given.keys():
        value = given[key]
        if key == "history" or (key == "bundle" and Path(value).exists()):
            value = _absolute(value)
        if isinstance(value, dict):
            options |= {(*PLACES[key], inner): value[inner] for inner in value}
        else:
            options[PLACES[key]] = value
    return options


def _absolute(path: str) -> str:
    return str(Path(path).absolute())


def _check(source: str, given: Mapping[str, Any], folder: Path | None) -> None:
    """Say what would run and how what it names is, or all that is wrong."""
    from .configuration.check import look
    from .configuration.config import draft_config
    from .configuration.plan import plan
    from .run import log_file, make_reader

    try:
        draft = draft_config(*_asked(source, given), folder)
    except ConfigError as exc:
        _end(exc.problems or (str(exc),), 2)
    errors, reader, wrong = list(draft.said), None, {str(problem.place[0]) for problem in draft.problems}
    if (config := draft.config) is None:
        _end(errors, 2)
    try:
        reader = None if "reader" in wrong else make_reader(config.settings.reader)
    except EdgeReaderError as exc:
        errors.append(str(exc))
    state = log_file(config)
    found = look(config.settings, state, wrong)
    if reader is not None and not errors:
        for what, how in [
            *plan(config.settings, reader, state),
            *(("opened", str(finding)) for finding in found if not finding.wrong),
        ]:
            click.echo(f"{what:8}  {how}")
    closed = [str(finding) for finding in found if finding.wrong]
    if errors or closed:
        _end([*errors, *closed], 2 if errors else TRY_AGAIN)


def _end(errors: Iterable[str], code: int) -> NoReturn:
    for error in errors:
        click.echo(f"error: {one_line(error)}", err=True)
    sys.exit(code)


def _run(source: str, given: Mapping[str, Any], folder: Path | None, seconds: float | None) -> None:
    """Watch until the end; the figures come last."""
    from .configuration.config import draft_config, read_config
    from .configuration.editing import Editor
    from .run import open_stream
    from .sinks.lines import lines, prints

    path, options, files = _asked(source, given)
    config = read_config(path, options, files, folder)
    more = [lines(lambda: opened.numbers)] if prints(config.settings) else []
    with may_pass(), Stopping() as stopping, open_stream(config, more) as opened:
        editor = None
        if config.path is not None and not any(place[0] == "number" for place in options):
            file = config.path
            editor = Editor(file, lambda text: draft_config(file, options, files, folder, text), opened.prepare)
        with _live_page(config.settings, opened, editor, setup="setup" in given):
            stopping.stops(opened.capture.stop, seconds)
            code = _watch(opened)
    click.echo(opened.summary(), err=True)
    sys.exit(code)


@contextmanager
def _live_page(settings: Settings, opened: Stream, editor: Editor | None, *, setup: bool) -> Iterator[None]:
    """Serve the live page of a stream, if the settings ask for one."""
    if settings.http is None:
        yield
        return
    from ..service.app import make_app
    from ..service.board import RECENT, Board
    from ..service.server import Server

    history = opened.history
    board = Board(
        settings.name,
        settings.numbers,
        figures=opened.figures,
        status=lambda: opened.capture.status,
        values=lambda: opened.emitter.values,
        sinks=lambda: opened.status,
        lost=lambda: opened.journal.lost,
        missing=lambda: opened.missing.said,
        recent=[] if history is None else [row.event for row in reversed(history.latest(RECENT))],
    )
    opened.viewers.append(board)
    token = find_token(settings.http)
    board.setup = setup
    app = make_app(settings.http, token, board, history, opened.evidence, opened.watcher.reader, editor)
    with Server(app, settings.http) as server:
        click.echo(f"live page: {server.url}", err=True)
        if setup:
            holds = settings.http.token_file or SERVICE
            link = f"{server.url}login#{token}"  # what is behind the "#" no server or proxy ever sees
            seen = link if sys.stderr.isatty() else f"{server.url}, with the token of {holds}"
            click.echo(f"set up: {seen}", err=True)
        yield


def _watch(opened: Stream) -> int:
    """Run a stream and return the exit code."""
    try:
        opened.run()
    except BrokenPipeError:
        return 0
    except EdgeReaderError as exc:
        click.echo(f"error: {' '.join(str(exc).split())}", err=True)
        return 1
    return 0
