"""The whole recipe of clap-mini: render, train, measure, write."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from transformers import AutoTokenizer, ClapModel

from leitmotif.encoders.clap import ClapEncoder
from leitmotif.encoders.mel import level_features
from leitmotif.encoders.tokenizers import train_tokenizer
from leitmotif.taxonomy.labels import Taxonomy, load
from leitmotif.train_mini import corpus
from leitmotif.train_mini.clap_evaluate import FAMILY_NAMES, choose_family_method, find_thresholds, measure
from leitmotif.train_mini.clap_network import count_parameters, make_clap
from leitmotif.train_mini.clap_train import ClapTrainer, TrainingPlan
from leitmotif.train_mini.corpus import Truth, make_extractor, read_corpus, render_corpus_features
from leitmotif.train_mini.folder import save_model
from leitmotif.train_mini.prompts import all_texts, make_vocabulary

logger = logging.getLogger(__name__)

VALIDATION_CLIPS = 192
TEST_CLIPS = 480


def train_clap(
    cache_dir: Path,
    out: Path,
    *,
    clips: int,
    plan: TrainingPlan,
    start_from: Path | None = None,
    workers: int = 2,
) -> None:
    """Render the training clips, train, and write the model; the moving average is kept after every epoch.

    Args:
        cache_dir: Features and the model of the last epoch.
        out: The folder of the finished model.
        clips: How many clips to train on.
        plan: How long and how fast.
        start_from: A folder whose weights and tokenizer to go on from.
        workers: Processes that render, and that train together.
    """
    train, held = (
        render_corpus_features(first, count, cache_dir, workers=workers)
        for first, count in ((corpus.TRAIN_SEEDS, clips), (corpus.VALIDATION_SEEDS, VALIDATION_CLIPS))
    )
    with tempfile.TemporaryDirectory() as meeting:
        torch.multiprocessing.spawn(
            _fit_together,
            (
                workers,
                f"file://{meeting}/point",
                train,
                held,
                cache_dir / "clap-mini-last",
                out,
                plan,
                start_from,
            ),
            nprocs=workers,
        )


def _fit_together(
    rank: int, processes: int, meeting: str, train: list[Path], held: list[Path], last: Path, out: Path,
    plan: TrainingPlan, start_from: Path | None,
) -> None:  # fmt: skip
    """Train as one of several processes of one thread each: it divides badly among threads."""
    level = logging.WARNING if rank else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=processes)
    fit_clap(read_corpus(train), read_corpus(held), last, out, plan=plan, start_from=start_from)
    dist.destroy_process_group()


def fit_clap(
    train: tuple[np.ndarray, list[Truth]],
    held: tuple[np.ndarray, list[Truth]],
    last: Path,
    out: Path,
    *,
    plan: TrainingPlan,
    start_from: Path | None = None,
) -> None:
    """Train on features with their truth and write the model.

    Args:
        train: Features, float16 (n, FRAMES, MELS) in dB, and the truth of each: what to train on.
        held: Features and truth of clips to report on while training.
        last: The folder of the moving average after every epoch.
        out: The folder of the finished model.
        plan: How long and how fast.
        start_from: A folder whose weights and tokenizer to go on from.
    """
    torch.manual_seed(plan.seed)
    taxonomy = load()
    vocabulary = make_vocabulary(taxonomy)
    if start_from is None:
        tokenizer = train_tokenizer(all_texts(vocabulary, taxonomy), style="roberta", size=2000)
        model = make_clap(tokenizer)
    else:
        tokenizer = AutoTokenizer.from_pretrained(start_from)
        model = ClapModel.from_pretrained(start_from, dtype=torch.float32)
    logger.info("%d views, %.2f M parameters", len(train[0]), count_parameters(model) / 1e6)
    parts = (make_extractor(), tokenizer)

    def after_epoch(epoch: int, loss: float, trainer: ClapTrainer) -> None:
        if trainer.rank:
            return
        save_model(model, trainer.finished(), parts, last)
        figures = measure(ClapEncoder(str(last)).load(), embed_features(last, held[0]), held[1], taxonomy)
        line = " ".join(
            f"{name} {value:.3f}" for name, value in figures.items() if "mAP" in name or "AUC" in name
        )
        logger.info("epoch %d, %.0f %% done, loss %.3f %s", epoch, 100 * trainer.progress(), loss, line)

    trainer = ClapTrainer(model, tokenizer, taxonomy, vocabulary, *train, plan)
    if start_from is None:
        trainer.prepare_texts()
    else:
        trainer.take_up()
    trainer.run(after_epoch)
    if trainer.rank == 0:
        save_model(model, trainer.finished(), parts, out)


def measure_clap(
    folder: Path, cache_dir: Path, *, media_dir: Path | None, test_clips: int = TEST_CLIPS, workers: int = 2
) -> dict[str, Any]:
    """Return every figure of a finished model: thresholds from validation clips, the rest from test clips.

    Args:
        folder: The model.
        cache_dir: Features.
        media_dir: A folder of labelled recordings with INDEX.csv, or None to leave them out.
        test_clips: How many test clips.
        workers: Processes that render.
    """
    taxonomy = load()
    encoder = ClapEncoder(str(folder)).load()
    sets = []
    for first, count in ((corpus.VALIDATION_SEEDS, VALIDATION_CLIPS), (corpus.TEST_SEEDS, test_clips)):
        features, truths = read_corpus(render_corpus_features(first, count, cache_dir, workers=workers))
        sets.append(only_mixes(embed_features(folder, features), truths))
    (validation, known), (test, truth) = sets
    method, offsets, shares = choose_family_method(encoder, validation, known, taxonomy)
    figures: dict[str, Any] = {
        "model": "clap-mini",
        "revision": encoder.revision_id,
        "taxonomy": taxonomy.fingerprint,
        "size": sizes(folder),
        "inference": {
            "logit scale": encoder.logit_scale,
            "family method": method,
            "family offsets": dict(zip(FAMILY_NAMES, offsets.tolist(), strict=True)),
        },
        "tag thresholds (cosine, chosen on validation clips)": find_thresholds(
            encoder, validation, known, taxonomy
        ),
        "rendered test clips, never trained on": measure(encoder, test, truth, taxonomy),
        "family of single-family validation clips, top-1": shares,
    }
    if media_dir is not None:
        figures |= measure_recordings(encoder, media_dir, taxonomy, method, offsets)
    return figures


def measure_recordings(
    encoder: ClapEncoder, media_dir: Path, taxonomy: Taxonomy, method: str, offsets: np.ndarray
) -> dict[str, Any]:
    """Return the figures on labelled recordings; `offsets`, shape (5,), come off the scores of families."""
    from leitmotif.train_mini.recordings import embed_recordings, measure_families, measure_voice

    clips = embed_recordings(encoder, media_dir)
    families, guesses = measure_families(encoder, clips, taxonomy, method, offsets)
    for file, true, guessed in guesses:
        logger.info("%s %s: %s, guessed %s", "right" if true == guessed else "WRONG", file, true, guessed)
    return {
        "recordings, one family alone": families,
        "recordings, voice score": measure_voice(encoder, clips, taxonomy),
    }


def sizes(folder: Path) -> dict[str, float]:
    """Return the parameters and the bytes of a model folder."""
    model = ClapModel.from_pretrained(folder)
    return {
        "audio parameters, millions": count_parameters(model.audio_model) / 1e6,
        "text parameters, millions": count_parameters(model.text_model) / 1e6,
        "weights, MB": (folder / "model.safetensors").stat().st_size / 1e6,
    }


def embed_features(folder: Path, features: np.ndarray, batch: int = 32) -> np.ndarray:
    """Return embeddings of cached features, shape (n, d): what `ClapEncoder` gives for their windows."""
    model = ClapModel.from_pretrained(folder, dtype=torch.float32).eval()
    rows = []
    with torch.inference_mode():
        for start in range(0, len(features), batch):
            chunk = torch.from_numpy(features[start : start + batch].astype(np.float32))[:, None]
            chunk = level_features(chunk, corpus.RANGE_DB)
            longer = torch.zeros(len(chunk), 1, dtype=torch.bool)
            output = model.get_audio_features(input_features=chunk, is_longer=longer)
            rows.append((output if torch.is_tensor(output) else output.pooler_output).numpy())
    return np.concatenate(rows)


def only_mixes(clips: np.ndarray, truths: Sequence[Truth]) -> tuple[np.ndarray, list[Truth]]:
    """Return embeddings (n, d) and truths of the clips as drawn, without the extra views of their seeds."""
    rows = [i for i, truth in enumerate(truths) if truth.view == "mix"]
    return clips[rows], [truths[i] for i in rows]
