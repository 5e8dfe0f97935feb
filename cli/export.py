"""Write a trained description model as a plain model folder, for transformers and vLLM."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from leitmotif.cli import console

EXAMPLE = "leitmotif export run/ --out model/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("model", type=Path, metavar="RUN", help="what `leitmotif train mmdm` wrote")
    parser.add_argument("--out", required=True, type=Path, metavar="FOLDER", help="the new folder")


def run(options: argparse.Namespace) -> int:
    """Export, and say how to serve it."""
    from transformers.utils import logging

    from leitmotif.pipelines.describing import one_line_errors
    from leitmotif.train_mmdm.export import export_run
    from leitmotif.train_mmdm.settings import read_settings

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    with one_line_errors():
        checkpoint = export_run(options.model, options.out)
    if options.json:
        console.print_json({"model": str(options.out), "checkpoint": checkpoint.name})
    else:
        limits = json.dumps({"image": read_settings(options.model).frames})
        print(f"{options.out}: the weights of {checkpoint.name}, adapters merged")
        print(f"serve it: vllm serve {options.out} --limit-mm-per-prompt '{limits}' (docs/describing.md)")
    return 0
