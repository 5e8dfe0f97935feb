"""Makes the models that ship: `python -m leitmotif.train_mini.make [clap|clip|codec|all]`; `make mini`."""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from leitmotif.train_mini.figures import CARDS_DIR, REPOSITORY, write_figures
from leitmotif.weights.resolve import SHIPPED_DIR


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the command line as settings."""
    parser = argparse.ArgumentParser(prog="python -m leitmotif.train_mini.make", description=__doc__)
    parser.add_argument("model", nargs="?", choices=("clap", "clip", "codec", "all"), default="all")
    parser.add_argument(
        "--clips", type=int, default=6608, help="clips that clap-mini trains on (default: 6608)"
    )
    parser.add_argument(
        "--scenes", type=int, default=500, help="scenes that clip-mini trains on (default: 500)"
    )
    parser.add_argument(
        "--sounds", type=int, default=640, help="clips that codec-mini trains on (default: 640)"
    )
    parser.add_argument("--steps", type=int, default=3000, help="steps of codec-mini (default: 3000)")
    parser.add_argument("--epochs", type=int, default=None, help="passes over the clips (default: 24 and 16)")
    parser.add_argument("--minutes", type=float, default=None, help="end the training of each model by then")
    parser.add_argument(
        "--workers", type=int, default=2, help="processes that render, and that train clap-mini (default: 2)"
    )
    parser.add_argument("--cache", type=Path, help="folder for features (default: a scratch folder by name)")
    parser.add_argument("--out", type=Path, default=SHIPPED_DIR, help="where the models' folders are written")
    parser.add_argument("--start-from", type=Path, help="go on from the weights in this folder")
    parser.add_argument("--measure-only", action="store_true", help="train nothing; measure what is there")
    parser.add_argument(
        "--media", type=Path, help="labelled recordings with INDEX.csv (default: $LEITMOTIF_MEDIA)"
    )
    return parser.parse_args(arguments)


def media_folder(given: Path | None) -> Path | None:
    """Return the folder of labelled recordings, if there is one."""
    folder = given or Path(os.environ.get("LEITMOTIF_MEDIA", REPOSITORY.parent / "shared" / "media"))
    return folder if (folder / "INDEX.csv").is_file() else None


def make_clap_mini(settings: argparse.Namespace, cache_dir: Path) -> None:
    """Train and measure clap-mini."""
    from leitmotif.train_mini.clap_recipe import measure_clap, train_clap
    from leitmotif.train_mini.clap_train import TrainingPlan

    folder = settings.out / "clap-mini"
    if not settings.measure_only:
        plan = TrainingPlan(epochs=settings.epochs or 24, minutes=settings.minutes)
        train_clap(
            cache_dir,
            folder,
            clips=settings.clips,
            plan=plan,
            start_from=settings.start_from,
            workers=settings.workers,
        )
    figures = measure_clap(
        folder, cache_dir, media_dir=media_folder(settings.media), workers=settings.workers
    )
    write_figures(figures, folder, card_of(settings, "clap-mini"))


def make_clip_mini(settings: argparse.Namespace, cache_dir: Path) -> None:
    """Train and measure clip-mini."""
    from leitmotif.train_mini.clip_recipe import measure_clip, train_clip

    folder = settings.out / "clip-mini"
    if not settings.measure_only:
        train_clip(
            cache_dir, folder, scenes=settings.scenes, epochs=settings.epochs or 16, minutes=settings.minutes,
            workers=settings.workers,
        )  # fmt: skip
    write_figures(
        measure_clip(folder, cache_dir, workers=settings.workers), folder, card_of(settings, "clip-mini")
    )


def make_codec_mini(settings: argparse.Namespace, cache_dir: Path) -> None:
    """Train and measure codec-mini."""
    from leitmotif.train_mini.codec_recipe import measure_codec, train_codec

    folder = settings.out / "codec-mini"
    if not settings.measure_only:
        train_codec(cache_dir, folder, clips=settings.sounds, steps=settings.steps, workers=settings.workers)
    figures = measure_codec(folder, cache_dir, workers=settings.workers)
    write_figures(figures, folder, card_of(settings, "codec-mini"))


def card_of(settings: argparse.Namespace, name: str) -> Path | None:
    """Return the card to rewrite: only for models that are written where they ship."""
    card = CARDS_DIR / f"{name}.md"
    return card if settings.out == SHIPPED_DIR and card.is_file() else None


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the models that are asked for."""
    settings = parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    cache_dir = settings.cache or Path(tempfile.gettempdir()) / "leitmotif-mini"
    if settings.model in ("clap", "all"):
        make_clap_mini(settings, cache_dir / "clap")
    if settings.model in ("clip", "all"):
        make_clip_mini(settings, cache_dir / "clip")
    if settings.model in ("codec", "all"):
        make_codec_mini(settings, cache_dir / "codec")


if __name__ == "__main__":
    main()
