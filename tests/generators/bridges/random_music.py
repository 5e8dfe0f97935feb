"""A music generator with random weights, a dataset to look through, and a film: small enough for a moment."""

import io
from pathlib import Path

import numpy as np
import soundfile
import torch

from leitmotif.generators.codecs.codec import latent_rate_hz
from leitmotif.generators.codecs.open import open_codec
from leitmotif.generators.ecmg.parts import build_network, save_parts
from leitmotif.generators.ecmg.run import write_facts
from leitmotif.generators.ecmg.settings import choose_settings
from leitmotif.generators.ecmg.task import NETWORK
from leitmotif.generators.ecmg.text import open_text
from leitmotif.media.mux import write_video
from leitmotif.music.render import render_music
from leitmotif.retrieval.build import build
from leitmotif.shards.dataset import Dataset
from leitmotif.training.checkpoint import STATE_NAME, checkpoint_path
from leitmotif.training.settings import write_settings
from tests.retrieval.known_rows import a_row, write_dataset

FRAMES, RATE_HZ = 32, 16_000
LONGEST_S = FRAMES / 31.25
FRAME_S = 1 / 31.25  # a latent frame of codec-mini
CLAP_DIM, CLIP_DIM = 128, 64  # those of clap-mini and clip-mini
GENRES = ("rock", "jazz", "jazz", "folk")


def write_run(run: Path, *, seed: int = 0, **other: object) -> Path:
    """A run as `train ecmg` leaves it, never trained; every condition changes what it says."""
    shape = {"layers": 2, "width": 32, "heads": 2, "control_layers": 1, "sampling_steps": 3, "frames": FRAMES}
    settings = choose_settings("tiny", [f"{name}={value}" for name, value in {**shape, **other}.items()])
    codec, text = open_codec("codec-mini"), open_text("clap-mini", None)
    facts = {"latent_dim": codec.latent_dim, "text_dim": text.dim, "clap_dim": CLAP_DIM}
    facts |= {"latent_rate_hz": latent_rate_hz(codec)}
    net = build_network(settings, facts)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in net.parameters():
            weight.add_(0.05 * torch.randn(weight.shape, generator=generator))
    checkpoint = checkpoint_path(run, 1)
    for name in ("control", "stylization", "transformer", "projection_model"):
        (checkpoint / NETWORK / name).mkdir(parents=True)
    write_settings(run, settings)
    write_facts(run, facts)
    save_parts(net, checkpoint / NETWORK, settings, None)
    (checkpoint / STATE_NAME).write_text("{}")
    return run


def write_library(folder: Path, **other: object) -> Dataset:
    """Four indexed clips of rendered music; their embeddings lie anywhere."""
    rows = []
    for number, genre in enumerate(GENRES):
        rng = np.random.default_rng(number)
        clap, clip = (v / np.linalg.norm(v) for v in map(rng.standard_normal, (CLAP_DIM, CLIP_DIM)))
        buffer = io.BytesIO()
        mix = render_music(number, duration_s=1.5, rate_hz=44_100, vocals=False).mix
        soundfile.write(buffer, np.asarray(mix).T, 44_100, format="FLAC", subtype="PCM_16")
        row = {
            "audio": {"bytes": buffer.getvalue(), "path": f"{number}.flac"},
            "clap_embedding": clap.tolist(),
            "clip_embedding": clip.tolist(),
            "genres": [{"tag": genre, "score": 0.6}],
            "caption": f"A piece, number {number}.",
        }
        rows.append(a_row(number, **{**row, **other}))
    dataset = Dataset(write_dataset(folder, rows, dims=(CLAP_DIM, CLIP_DIM)))
    build(dataset)
    return Dataset(dataset.path)


def write_film(path: Path, seconds: float = 0.8) -> Path:
    """A film of noise, with a tone of its own."""
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(round(10 * seconds))]
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(round(44_100 * seconds)) / 44_100)
    write_video(path, frames, np.stack([tone, tone]).astype(np.float32), fps=10.0)
    return path
