"""Judge a trained model on a split of a dataset: metrics with intervals, beside its base and the captions."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from leitmotif.cli import console
from leitmotif.cli.describe import add_decoding_arguments, open_model
from leitmotif.cli.progress import progress

EXAMPLE = "leitmotif evaluate mmdm run/ my-dataset/ --out results/"
KINDS = ("mmdm",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("kind", choices=KINDS, help="which kind of model: mmdm, that of descriptions")
    parser.add_argument("model", type=Path, metavar="RUN", help="what `leitmotif train` wrote")
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="a published dataset")
    parser.add_argument(
        "--out", required=True, type=Path, metavar="RESULTS", help="the folder of the results"
    )
    parser.add_argument("--split", default="test", help="which clips (default: test)")
    parser.add_argument(
        "--against",
        type=Path,
        metavar="BASE",
        help="another run, or a .jsonl of clip_id and description (default: the model before its training)",
    )
    parser.add_argument(
        "--metric", action="append", metavar="NAME", help="only this metric; may be repeated (default: all)"
    )
    parser.add_argument("--clap", metavar="MODEL", help="where the dataset's CLAP model lies, if elsewhere")
    parser.add_argument("--bertscore", metavar="MODEL", help="model of BERTScore: a hub id or a folder")
    parser.add_argument("--limit", type=int, metavar="N", help="the first N clips only")
    parser.add_argument("--visuals", action="store_true", help="ask for the visual elements first")
    add_decoding_arguments(parser)


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
            tell=tell,
        )
    if options.json:
        seconds = round(time.monotonic() - started, 2)
        console.print_json({"results": str(options.out), "seconds": seconds, **document})
    else:
        print((options.out / TABLE).read_text(encoding="utf-8"))
    return 0
