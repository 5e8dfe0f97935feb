"""Speed of tagging against a per-file loop over transformers, and its cost over the network alone.

The audio tower is HTSAT-tiny at full size, as of the published `laion/clap-htsat-*`, with random weights.
Both sides have one torch thread; ours reads the next clips in another thread meanwhile.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
import torch
from transformers import AutoTokenizer, ClapConfig, ClapFeatureExtractor, ClapModel, ClapProcessor

from bench.figure import figure, ratios
from leitmotif.encoders.tokenizers import train_tokenizer
from leitmotif.media.flac import write_flac
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.pipelines.settings import make_plan
from leitmotif.pipelines.stage import Clip, StageContext
from leitmotif.pipelines.stages.tagging import TaggingStage

PAIRS = 5
SHORT_S = (3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0)
LONG_S = (240.0,)
_FILE_HZ, _WINDOW_S = 44_100, 10.0
# How near the embeddings of both sides must be, so that they are known to do the same work.
_COSINE = 0.9999


def figures() -> Iterator[dict[str, Any]]:
    """Yield the three figures of the group "tagging"."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="leitmotif-bench-") as folder:
        model, workspace = Path(folder) / "clap", Path(folder) / "ws"
        _save_model(model)
        workspace.mkdir()
        short, long = _write_tracks(workspace, SHORT_S), _write_tracks(workspace, LONG_S)
        stage = TaggingStage(
            make_plan(
                "music-track",
                "embedded",
                ["tagging.backend=clap", f"tagging.model={model}", "tagging.device=cpu"],
            )
        )
        stage.open(StageContext(workspace, workspace / "files", workspace / "scratch", SandboxedWorker()))
        naive = Naive(model, stage.labels)
        _check_same_work(stage, naive, [*_clips(short), *_clips(long)], [*short, *long])
        yield _figure(
            "tagging/naive",
            f"a loop over {len(short)} files of {SHORT_S[0]:g} to {SHORT_S[-1]:g} s: soundfile, soxr, "
            "ClapProcessor, ClapModel; one thread each",
            ">= 2",
            lambda: list(stage.measure(_clips(short))),
            lambda: [naive.score(path) for path in short],
        )
        yield _figure(
            "tagging-long/naive",
            "the same loop over tracks of 4 minutes, all windows of a track in one batch",
            ">= 1",
            lambda: list(stage.measure(_clips(long))),
            lambda: [naive.score(path) for path in long],
        )
        ready = [naive.features(path) for path in short]
        yield _figure(
            "tagging/forward",
            "ClapModel.get_audio_features on the same clips as ready spectrograms",
            "<= 1.15",
            lambda: list(stage.measure(_clips(short))),
            lambda: [naive.forward(features) for features in ready],
            cost=True,
        )


class Naive:
    """What a careful user writes from the model card: one file after the other, labels embedded once."""

    def __init__(self, model: Path, labels: np.ndarray) -> None:
        self.net = ClapModel.from_pretrained(model).eval()
        self.processor = ClapProcessor(
            feature_extractor=ClapFeatureExtractor.from_pretrained(model),
            tokenizer=AutoTokenizer.from_pretrained(model),
        )
        self.labels = torch.from_numpy(labels)

    def score(self, path: Path) -> np.ndarray:
        """Return the similarities of a file's sound to every label."""
        rows = self.forward(self.features(path))
        mean = torch.nn.functional.normalize(rows.mean(dim=0), dim=0)
        return (self.labels @ mean).numpy()

    def features(self, path: Path) -> dict[str, torch.Tensor]:
        """Return the spectrograms of a file's windows."""
        sound, rate_hz = soundfile.read(path, dtype="float32")
        sound = soxr.resample(sound.mean(axis=1), rate_hz, 48_000)
        size = round(_WINDOW_S * 48_000)
        windows = [sound[start : start + size] for start in range(0, len(sound), size)]
        return dict(self.processor(audio=windows, sampling_rate=48_000, return_tensors="pt"))

    def forward(self, features: dict[str, torch.Tensor]) -> torch.Tensor:
        """Run the network alone."""
        with torch.inference_mode():
            return self.net.get_audio_features(**features).pooler_output


def _save_model(folder: Path) -> None:
    """Save HTSAT-tiny at full size; the text tower, which nothing here measures, has two layers of twelve."""
    torch.manual_seed(0)
    tokenizer = train_tokenizer(["the sound of music"], style="roberta", size=300)
    text = {"vocab_size": len(tokenizer), "num_hidden_layers": 2, "pad_token_id": tokenizer.pad_token_id}
    ClapModel(ClapConfig(text_config=text)).save_pretrained(folder)
    ClapFeatureExtractor(truncation="rand_trunc", frequency_min=50).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _write_tracks(folder: Path, lengths_s: Sequence[float]) -> list[Path]:
    """Write chords in noise, one file for each length."""
    rng = np.random.default_rng(len(lengths_s))
    paths = []
    for number, length_s in enumerate(lengths_s):
        time_s = np.arange(round(length_s * _FILE_HZ)) / _FILE_HZ
        chord = sum(np.sin(2 * np.pi * hz * time_s) for hz in rng.uniform(100, 2000, 4))
        sound = 0.1 * chord + 0.05 * rng.standard_normal((2, len(time_s)))
        paths.append(folder / f"{lengths_s[0]:g}-{number}.flac")
        write_flac([sound.astype(np.float32)], paths[-1], rate_hz=_FILE_HZ)
    return paths


def _clips(paths: Sequence[Path]) -> list[Clip]:
    return [Clip(path.stem, path, inputs={"audio": {"file": path.name}}) for path in paths]


def _check_same_work(stage: TaggingStage, naive: Naive, clips: Sequence[Clip], paths: Sequence[Path]) -> None:
    for row, path in zip(stage.measure(clips), paths, strict=True):
        if isinstance(row, Exception):
            raise row
        ours, theirs = row["scores"], naive.score(path)
        cosine = float(ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs))
        if not cosine >= _COSINE:
            raise RuntimeError(f"the scores of {path.name} agree by a cosine of {cosine:.5f} only")


def _figure(
    name: str,
    against: str,
    target: str,
    ours: Callable[[], object],
    theirs: Callable[[], object],
    *,
    cost: bool = False,
) -> dict[str, Any]:
    """Seconds of `theirs` over those of `ours`, or of `ours` over `theirs` as a cost: the median of pairs."""
    ours()
    runs = ratios(theirs, ours, PAIRS) if cost else ratios(ours, theirs, PAIRS)
    return figure(
        name,
        runs,
        unit="x cost" if cost else "times as fast",
        against=against,
        target=target,
    )
