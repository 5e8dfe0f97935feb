"""Judge a trained model on a split of a dataset: metrics with intervals, beside its base and the captions."""

from __future__ import annotations

import argparse
import time

from leitmotif.cli import console
from leitmotif.cli.describe import open_model
from leitmotif.cli.progress import progress
from leitmotif.train_mmdm.arguments import KIND, SUMMARY, add_evaluation_arguments

EXAMPLE = "leitmotif evaluate mmdm run/ my-dataset/ --out results/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    evaluate = kinds.add_parser(KIND, help=SUMMARY, description=f"Judge {SUMMARY}.", example=EXAMPLE)
    add_evaluation_arguments(evaluate)


def run(options: argparse.Namespace) -> int:
    """Evaluate, print the table, return the exit code."""
    from leitmotif.evaluation.metric import Tools
    from leitmotif.evaluation.results import TABLE
    from leitmotif.pipelines.describing import one_line_errors
    from leitmotif.storage.errors import UserError
    from leitmotif.train_mmdm.evaluate import evaluate
    from leitmotif.weights.device import resolve_device

    if options.limit is not None and options.limit < 1:
        raise UserError(f"--limit is {options.limit}; expected 1 or more")
    started = time.monotonic()
    with one_line_errors(), progress() as tell:
        describer = open_model(options)
        document = evaluate(
            describer,
            options.dataset,
            options.out,
            split=options.split,
            against=options.against,
            metrics=options.metric,
            tools=Tools(
                clap_folder=options.clap,
                bertscore=options.bertscore,
                device=resolve_device(options.device),
            ),
            batch=options.batch,
            limit=options.limit,
            facts={"run": options.model.absolute().name},
            on_progress=tell,
        )
    if options.json:
        seconds = round(time.monotonic() - started, 2)
        console.print_json({"results": str(options.out), "seconds": seconds, **document})
    else:
        print((options.out / TABLE).read_text(encoding="utf-8"))
    return 0
