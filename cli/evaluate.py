"""Judge a trained model on a split of a dataset: metrics with intervals, beside its base and the captions."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leitmotif.cli import console
from leitmotif.cli.describe import open_model
from leitmotif.cli.progress import progress
from leitmotif.train_mmdm.arguments import KIND, SUMMARY, add_evaluation_arguments

GENERATION = "generation"
EXAMPLE = "leitmotif evaluate mmdm run/ my-dataset/ --out results/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    evaluate = kinds.add_parser(KIND, help=SUMMARY, description=f"Judge {SUMMARY}.", example=EXAMPLE)
    add_evaluation_arguments(evaluate)
    generation = kinds.add_parser(
        GENERATION,
        help="whether generated music does what it is asked for",
        description="Measure whether generated music has the attributes, tempo and melody it is asked for.",
        example="leitmotif evaluate generation my-generator/ my-dataset/ --out results/",
    )
    _add_generation_arguments(generation)


def _add_generation_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, metavar="RUN", help="what `leitmotif train ecmg` wrote")
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="an indexed dataset")
    parser.add_argument(
        "--out", required=True, type=Path, metavar="RESULTS", help="the folder of the results"
    )
    for name, most, what in (
        ("songs", 20, "songs of each attribute and tempo class"),
        ("variations", 10, "pieces of each song"),
        ("values", 4, "attributes of each kind, the most common ones"),
        ("batch", 4, "pieces at once"),
    ):
        parser.add_argument(f"--{name}", type=int, default=most, metavar="N", help=f"{what} ({most})")
    parser.add_argument("--index", type=Path, metavar="FOLDER", help="the index, if it lies elsewhere")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="draws songs and pieces (0)")
    parser.add_argument("--steps", type=int, metavar="N", help="from noise to sound (the run's)")
    parser.add_argument("--cfg", type=float, metavar="W", help="how much all is followed (the run's)")
    parser.add_argument(
        "--device", default="auto", metavar="DEVICE", help="cpu, cuda, cuda:N or auto (default)"
    )


def run(options: argparse.Namespace) -> int:
    """Evaluate, print the table, return the exit code."""
    return _run_generation(options) if options.kind == GENERATION else _run_descriptions(options)


def _run_generation(options: argparse.Namespace) -> int:
    from leitmotif.pipelines.describing import one_line_errors
    from leitmotif.pipelines.generating import evaluate_generation
    from leitmotif.storage.errors import UserError
    from leitmotif.weights.device import checked_device

    for name in ("songs", "variations", "values", "batch"):
        if getattr(options, name) < 1:
            raise UserError(f"--{name} is {getattr(options, name)}; expected 1 or more")
    if options.seed < 0:
        raise UserError(f"--seed is {options.seed}; expected 0 or more")
    started = time.monotonic()
    with one_line_errors(), progress() as tell:
        document = evaluate_generation(
            options.model,
            options.dataset,
            options.out,
            index=options.index,
            scope={
                name: getattr(options, name) for name in ("songs", "variations", "values", "batch", "seed")
            },
            steps=options.steps,
            guidance=options.cfg,
            device=checked_device(options.device),
            on_progress=tell,
        )
    return _show(options, document, started)


def _run_descriptions(options: argparse.Namespace) -> int:
    from leitmotif.evaluation.metric import Tools
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
    return _show(options, document, started)


def _show(options: argparse.Namespace, document: Mapping[str, Any], started: float) -> int:
    from leitmotif.evaluation.results import TABLE

    if options.json:
        seconds = round(time.monotonic() - started, 2)
        console.print_json({"results": str(options.out), "seconds": seconds, **document})
    else:
        print((options.out / TABLE).read_text(encoding="utf-8"))
    return 0
