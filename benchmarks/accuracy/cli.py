"""`edgereader eval` and `edgereader calibrate`: what a bundle reads, and how surely."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from ...models.data.samples import Crop, Crops, iterate
from ...runtime import NUMBERS, Bundle, Recognizer
from ...runtime.reader import MIN_CONFIDENCE
from ..contenders import PEERS, Options, open_peers, reason
from ..options import backend_option
from ..record import check_files, command_line, now, this_machine, writable, write_json
from .calibration import Calibration, fit, numbers, open_calibration_set, read_crops, with_temperature
from .certainty import SURE, Certainty
from .datasets import KINDS, Kind, bundle_and_sets, open_sets
from .evaluate import measure, measure_contender
from .results import Report, Run
from .terminal import table

FILE = click.Path(path_type=Path)
ALPHABETS = {"numbers": NUMBERS, "all": None}


@click.command("eval")
@click.argument("names", nargs=-1, required=True, metavar="[BUNDLE] DATASET...")
@click.option("--json", "report_file", type=FILE, help="Write the report to this file.")
@click.option("--errors", "sheets_folder", type=FILE, help="Write contact sheets of all mistakes.")
@click.option(
    "--kind", type=click.Choice(["auto", *KINDS]), default="auto", show_default=True, help="What the sets are."
)
@backend_option
@click.option(
    "--precision", "precisions", multiple=True, help="Which files of the bundle to run; may be given more than once."
)
@click.option(
    "--alphabet",
    default="numbers",
    show_default=True,
    help="What the bundle may read: numbers, all, or these characters. The scores by digits stay what they are.",
)
@click.option(
    "--contender",
    "contenders",
    type=click.Choice(PEERS),
    multiple=True,
    help="Measure this reader as well; may be given more than once.",
)
def evaluate(
    names: tuple[str, ...],
    report_file: Path | None,
    sheets_folder: Path | None,
    kind: str,
    backend: str,
    precisions: tuple[str, ...],
    alphabet: str,
    contenders: tuple[str, ...],
) -> None:
    """Measure BUNDLE (a name or a folder; digits-edge if left out) on each DATASET.

    A DATASET is a folder with labels.tsv, or an LMDB of crops as the deep-text-recognition-benchmark lays it out. The
    first name is a data set if it is such a folder, and a bundle if not.

    A folder named scenes_... or crops_... is what its name says; any other is a set of scenes if a line has a box and
    an image has more than one line, and a set of crops if not. FOLDER:held-out is the part of a folder that training
    leaves out.

    The first table compares digits only: crops are right when all their digits are; of a photo, the digit strings read
    are matched with the labelled ones, wherever they are. Below it, crops are compared as they are written as well,
    and the boxes of photos by the rules of ICDAR 2015: a detection is the box of a reading with a digit, and regions
    labelled ### count for nothing.

    The tables also tell the expected calibration error (ECE) of the confidences, what photos give for other least
    confidences, and the causes of the mistakes. Choose thresholds on generated photos (`edgereader synth scenes`), not
    on those that figures are published of.

    Exit codes: 0 measured, 1 measured but for a contender that failed on the way, 2 nothing measured because a set, a
    bundle or an option is wrong, or no contender that was asked for can run here.
    """
    writable(report_file, sheets_folder, "--errors")
    chosen: Kind | None = next((known for known in KINDS if known == kind), None)
    bundle, datasets = bundle_and_sets(names)
    sets = open_sets(datasets, chosen)
    opened = Bundle.open(bundle)
    if any(data.kind == "scenes" for data in sets):
        _ = opened.detector  # an error now rather than after the crops
    for precision in precisions:
        check_files(opened, precision)
    peers, skipped = open_peers(contenders, Options(bundle=bundle, backend=backend))
    runs, ran_on = [], backend
    for asked in precisions or (None,):
        folder = sheets_folder / asked if sheets_folder and asked else sheets_folder
        ran_on, run = measure(opened, sets, backend, asked, folder, ALPHABETS.get(alphabet, alphabet))
        runs.append(told(run))
    for name, peer in peers.items():
        try:
            runs.append(told(measure_contender(name, peer, sets, sheets_folder and sheets_folder / name)))
        except Exception as exc:  # noqa: BLE001, a library of others may raise anything; the others' figures stand
            skipped[name] = reason(exc)
            click.echo(f"failed: {name}: {skipped[name]}", err=True)
    if report_file:
        report = Report(
            command=command_line(), date=now(), bundle=opened.manifest.name, temperature=opened.recognizer.temperature,
            min_confidence=MIN_CONFIDENCE, alphabet=alphabet, backend=ran_on, machine=this_machine(), runs=runs,
            skipped=skipped,
        )  # fmt: skip
        write_json(report_file, report)
    if skipped.keys() & peers.keys():
        sys.exit(1)


def told(run: Run) -> Run:
    """Print what a run gave."""
    click.echo(f"{'in ' if run.contender is None else ''}{run.title}:")
    click.echo(table(run.sets, run.all_crops))
    return run


@click.command()
@click.argument("bundle")
@click.argument("datasets", nargs=-1, required=True, metavar="DATASET...")
@click.option("--json", "report_file", type=FILE, help="Write the figures to this file.")
@click.option("--dry-run", is_flag=True, help="Leave the bundle as it is.")
@backend_option
@click.option("--precision", help="Which file of the bundle to run.")
def calibrate(
    bundle: str,
    datasets: tuple[str, ...],
    report_file: Path | None,
    dry_run: bool,
    backend: str,
    precision: str | None,
) -> None:
    r"""Fit BUNDLE's temperature on each DATASET of crops and write it into the bundle.

    A confidence then is about how often such a reading is right. DATASET is a folder in any layout that training
    takes; FOLDER:held-out is the part of a folder that training leaves out. Only crops that show a
    number are used. For example:

    \b
    edgereader synth crops --to build/crops --count 2000 --seed 7
    edgereader calibrate digits-edge build/crops digits_meter_apache2:held-out

    Exit codes: 0 calibrated, 2 nothing changed because a set, a bundle or an option is wrong.
    """
    writable(report_file)
    opened, sets = Bundle.open(bundle), {name: open_calibration_set(name) for name in datasets}
    recognizer = Recognizer(opened, backend, precision)
    precision = recognizer.session.precision
    readings, counts = [], {}
    for name, crops in sets.items():
        found = list(read_crops(recognizer, numbers(progress(crops, name))))
        counts[Path(name).name] = len(found)
        readings += found
    temperature, before, after = fit(readings, recognizer.alphabet)
    click.echo(f"{len(readings)} crops: {', '.join(f'{name} {count}' for name, count in counts.items())}")
    click.echo(f"temperature 1:      {figures(before)}")
    click.echo(f"temperature {temperature:<6g}: {figures(after)}")
    found_out = Calibration(
        command=command_line(), date=now(), bundle=opened.manifest.name,
        recognizer=opened.recognizer.files[precision].sha256, precision=precision, data=counts,
        temperature=temperature, before=before, after=after,
    )  # fmt: skip
    if report_file:
        write_json(report_file, found_out)
    if not dry_run:
        click.echo(f"written: {with_temperature(opened, temperature)}")


def progress(crops: Crops, name: str) -> Iterator[Crop]:
    """Decode all crops, showing how far it is."""
    with click.progressbar(iterate(crops), length=len(crops), label=Path(name).name, file=sys.stderr) as bar:
        yield from bar


def figures(certainty: Certainty) -> str:
    """Lay out what a calibration changes."""
    right = "" if certainty.sure_precision is None else f", {certainty.sure_precision:.1%} of them right"
    return (
        f"NLL {certainty.nll:.4f}, ECE {certainty.ece:.4f}, adaptive ECE {certainty.adaptive_ece:.4f}; "
        f"{certainty.sure_share:.1%} at {SURE:g} or more{right}"
    )
