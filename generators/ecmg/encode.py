"""`leitmotif encode --for ecmg`: latents and text states of every clip, once, beside the shards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import soxr
import torch

from leitmotif.generators.codecs.codec import AudioCodec, encode_blocks, encode_long, latent_rate_hz
from leitmotif.generators.codecs.open import open_codec
from leitmotif.generators.ecmg.prompts import COLUMNS, draw_attribute, with_attribute
from leitmotif.generators.ecmg.settings import Settings
from leitmotif.generators.ecmg.text import TextStates, open_text
from leitmotif.generators.published_layout import base_pipeline
from leitmotif.phrases import command
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.errors import DatasetError
from leitmotif.shards.features import KEY
from leitmotif.storage.errors import UserError
from leitmotif.storage.progress import OnProgress, show_nothing
from leitmotif.training.features import Encoded, Encoding, Row, fill_table
from leitmotif.training.loader.decode import Audio, decode_blocks

NAME = "ecmg"
VERSION = 1
NEEDED = ("audio", "caption", "clap_embedding")
_SILENCE_S = 2.0


def encode(
    dataset: Dataset, settings: Settings, device: str, on_progress: OnProgress = show_nothing
) -> Encoded:
    """Encode what a dataset lacks.

    Args:
        dataset: The dataset.
        settings: Which codec and which model of text.
        device: Where they run.
        on_progress: Called after each clip.

    Raises:
        DatasetError: The dataset lacks a column, or cannot be read.
        UserError: A model is missing, or a clip cannot be encoded.
        OutsideError: The disk refused.
    """
    check_columns(dataset)
    if settings.base is not None:
        base_pipeline(settings.base, settings.revision)
    codec = open_codec(codec_of(settings), device, revision=settings.revision)
    text = open_text(settings.text, settings.base, device, revision=settings.revision)
    return fill_table(dataset, make_encoding(dataset, codec, text), on_progress)


def codec_of(settings: Settings) -> str:
    """Return what the codec is opened by."""
    return settings.codec or settings.base or ""


def check_columns(dataset: Dataset) -> None:
    """Refuse a dataset that lacks what is learned from.

    Raises:
        DatasetError: It lacks a column.
    """
    if missing := [name for name in NEEDED if name not in dataset.columns]:
        raise DatasetError(
            f"{str(dataset.path)!r} has no column {missing[0]!r}, which music generation learns from; "
            "publish it with a recipe that has it"
        )


def make_encoding(dataset: Dataset, codec: AudioCodec, text: TextStates) -> Encoding:
    """Return how the table of a dataset is made.

    Args:
        dataset: The dataset.
        codec: Makes the latents.
        text: Makes the states of captions.
    """
    facts = {
        "version": VERSION,
        "codec": codec.model,
        "codec_weights": codec.fingerprint,
        "latent_dim": codec.latent_dim,
        "latent_rate_hz": latent_rate_hz(codec),
        "text": text.model,
        "text_weights": text.fingerprint,
        "text_dim": text.dim,
        "max_tokens": text.max_tokens,
    }
    fingerprint = hashlib.blake2b(json.dumps(facts).encode(), digest_size=6).hexdigest()
    latents = pa.list_(pa.list_(pa.float16(), codec.latent_dim))
    states = pa.list_(pa.list_(pa.float16(), text.dim))
    schema = pa.schema(
        [
            pa.field(KEY, pa.string()),
            pa.field("latents", latents),
            pa.field("total_s", pa.float32()),
            pa.field("text", states),
            pa.field("styled", states),
            pa.field("attribute", pa.struct([("column", pa.string()), ("value", pa.string())])),
        ]
    )
    columns = [KEY, "audio", "caption", *(name for name in COLUMNS if name in dataset.columns)]
    facts["silence"] = silence_of(codec)
    maker = _RowMaker(dataset, codec, text)
    return Encoding(NAME, fingerprint, schema, columns, maker.make, facts)


def silence_of(codec: AudioCodec) -> list[float]:
    """Return the latent frame of silence, with which short clips are filled up."""
    samples = round(_SILENCE_S * codec.rate_hz)
    latents = encode_long(codec, torch.zeros(codec.channels, samples))
    return [round(float(number), 6) for number in latents[:, latents.shape[1] // 2]]


def fit_audio(samples: np.ndarray, rate_hz: int, codec: AudioCodec) -> torch.Tensor:
    """Return a sound as a codec takes it, (channels, samples), float32.

    Args:
        samples: Shape (channels, samples).
        rate_hz: Its sampling rate.
        codec: The codec.
    """
    return torch.cat([*fit_blocks([Audio(samples, rate_hz)], codec)], dim=1)


def fit_blocks(blocks: Iterable[Audio], codec: AudioCodec) -> Iterator[torch.Tensor]:
    """Yield the blocks of a sound as a codec takes them, (channels, samples), float32.

    Args:
        blocks: The sound, block by block, of one rate.
        codec: The codec.
    """
    stream: Any = None
    for samples, rate_hz in blocks:
        if len(samples) != codec.channels:
            samples = np.repeat(samples.mean(axis=0, keepdims=True), codec.channels, axis=0)
        if rate_hz != codec.rate_hz:
            stream = stream or soxr.ResampleStream(rate_hz, codec.rate_hz, codec.channels, dtype="float32")
            samples = stream.resample_chunk(np.ascontiguousarray(samples.T, np.float32)).T
        yield _tensor(samples)
    if stream is not None:  # what the filter still holds back
        yield _tensor(stream.resample_chunk(np.zeros((0, codec.channels), np.float32), last=True).T)


def _tensor(samples: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(samples, np.float32))


class _RowMaker:
    """Makes a row of the table of a row of a shard."""

    def __init__(self, dataset: Dataset, codec: AudioCodec, text: TextStates) -> None:
        self.dataset, self.codec, self.text = dataset, codec, text
        self.taxonomy = dataset.taxonomy

    def make(self, row: Row) -> Row:
        """Return latents and text states.

        Raises:
            UserError: The sound cannot be decoded, or a latent is no number; the clip is named.
        """
        clip_id = row[KEY]
        caption, attribute = row["caption"] or "", draw_attribute(row, self.taxonomy)
        prompts = [caption, caption if attribute is None else with_attribute(caption, attribute[2])]
        text, styled = (self._half(states, clip_id, "text states") for states in self.text.states(prompts))
        latents, total_s = self._latents(row)
        return {
            KEY: clip_id,
            "latents": self._half(latents, clip_id, "latents"),
            "total_s": total_s,
            "text": text,
            "styled": styled,
            "attribute": None
            if attribute is None
            else dict(zip(("column", "value"), attribute, strict=False)),
        }

    def _latents(self, row: Mapping[str, Any]) -> tuple[np.ndarray, float]:
        """Return latents (frames, latent_dim) and seconds of a sound, which is never whole in memory."""
        samples = 0

        def blocks() -> Iterator[torch.Tensor]:
            nonlocal samples
            try:
                for block in fit_blocks(decode_blocks((row["audio"] or {}).get("bytes") or b""), self.codec):
                    samples += block.shape[1]
                    yield block
                if not samples:
                    raise ValueError("it has no sound")
            except ValueError as error:
                raise UserError(
                    f"clip {row[KEY]} cannot be encoded ({error}); run "
                    f"`{command('validate', self.dataset.path)}`, and publish or copy the dataset again"
                ) from error

        latents = encode_blocks(self.codec, blocks()).numpy().T
        return latents, samples / self.codec.rate_hz

    def _half(self, numbers: np.ndarray, clip_id: str, what: str) -> np.ndarray:
        """Return numbers in float16.

        Raises:
            UserError: Some are not finite.
        """
        half = numbers.astype(np.float16)
        if broken := int((~np.isfinite(half)).sum()):
            raise UserError(
                f"clip {clip_id} has {what} with {broken} of {half.size} numbers that are not finite; listen "
                "to its sound, leave it out (`leitmotif takedown`), or run with --device cpu: what was "
                "encoded before it is kept"
            )
        return half
