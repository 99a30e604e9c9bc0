"""Options that several commands have."""

import click

backend_option = click.option("--backend", default="auto", show_default=True, help="Where to run: cpu, cuda, ...")
precision_option = click.option(
    "--precision", help="fp32, fp16, ...; left out: what the bundle prefers on the backend."
)
