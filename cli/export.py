"""Write a trained description model as a plain model folder, for transformers and vLLM."""

from __future__ import annotations

import argparse
from pathlib import Path

from cli import console


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("model", type=Path, metavar="RUN", help="what `leitmotif train mmdm` wrote")
    parser.add_argument("--out", required=True, type=Path, metavar="FOLDER", help="the new folder")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")


def run(options: argparse.Namespace) -> int:
    """Export, and say how to serve it."""
    from transformers.utils import logging

    from pipelines.errors import OutsideError, UserError
    from train_mmdm.export import export_run
    from training.errors import TrainingInputError, TrainingOutsideError

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        checkpoint = export_run(options.model, options.out)
    except TrainingInputError as error:
        raise UserError(str(error)) from error
    except TrainingOutsideError as error:
        raise OutsideError(str(error)) from error
    if options.json:
        console.print_json({"model": str(options.out), "checkpoint": checkpoint.name})
    else:
        print(f"{options.out}: the weights of {checkpoint.name}, adapters merged")
        print(f'serve it: vllm serve {options.out} --limit-mm-per-prompt \'{{"image": 10, "video": 1}}\'')
    return 0
