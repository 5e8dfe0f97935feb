"""Examples to learn from: a window of a clip's latents, its text, its style, and the music it follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
import torch

from leitmotif.generators.ecmg.encode import NAME, codec_of
from leitmotif.generators.ecmg.neighbours import Clips, nearest, read_clips
from leitmotif.generators.ecmg.settings import Settings
from leitmotif.phrases import command
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.errors import DatasetError
from leitmotif.shards.feature_rows import FeatureRows
from leitmotif.shards.features import KEY, Features, list_features
from leitmotif.training.loader.loader import ShardLoader
from leitmotif.training.task import Batch

Example = dict[str, Any]


def open_encoded(dataset: Dataset, settings: Settings) -> Features:
    """Return the table that `leitmotif encode --for ecmg` wrote with the models of the settings.

    Raises:
        DatasetError: There is none, or several; or it lacks clips.
    """
    encode = f"{command('encode', dataset.path)} --for ecmg --preset {settings.preset}"
    names = [path.name for path in list_features(dataset.path) if path.name.rpartition("-")[0] == NAME]
    if settings.features is not None:
        names = [settings.features]
    wanted = (codec_of(settings), settings.text or settings.base)
    found = [table for table in map(dataset.features, names) if _models(table) == wanted]
    if not found:
        raise DatasetError(
            f"{str(dataset.path)!r} is not encoded by codec {wanted[0]} and text {wanted[1]}; run `{encode}`"
        )
    if len(found) > 1:
        listed = " or ".join(f"{each.name}-{each.fingerprint}" for each in found)
        raise DatasetError(
            f"{str(dataset.path)!r} is encoded by {len(found)} versions of these models; choose one by "
            f"--set features={listed}"
        )
    ids = dataset.table(columns=[KEY])[KEY].to_pylist()
    if missing := int((found[0].places(ids) < 0).sum()):
        raise DatasetError(f"{missing} of {len(ids)} clips are not encoded yet; run `{encode}`")
    return found[0]


def _models(table: Features) -> tuple[Any, Any]:
    return table.facts.get("codec"), table.facts.get("text")


@dataclass(frozen=True)
class MusicBridge:
    """Which music each clip follows, and which has its attribute.

    Attributes:
        broad: Clip → the one that it follows.
        targeted: Clip → the one that has the attribute in its prompt.
        clips: Clips that can be targeted.
    """

    broad: Mapping[str, str | None]
    targeted: Mapping[str, str | None]
    clips: Clips

    @cached_property
    def _places(self) -> dict[str, int]:
        return {clip_id: place for place, clip_id in enumerate(self.clips.ids)}

    def style(self, clip_id: str) -> np.ndarray | None:
        """Return the embedding of the clip that is targeted, float32 (dim,); None where there is none."""
        found = self.targeted.get(clip_id)
        return None if found is None else self.clips.vectors[self._places[found]]


def find_bridge(dataset: Dataset, split: str, table: Features, settings: Settings) -> MusicBridge:
    """Return the music bridge of a split: neighbours among the clips that are trained with, never itself.

    Args:
        dataset: The dataset.
        split: Whose clips ask.
        table: The features, where the attribute of each clip stands.
        settings: What is followed.
    """
    base = read_clips(dataset, "train")
    queries = base if split == "train" else read_clips(dataset, split)
    noted = table.join(queries.ids, ["attribute"])["attribute"].to_pylist()
    wanted = [None if each is None else (each["column"], each["value"]) for each in noted]
    retrieved = settings.control_source == "retrieved"
    broad = nearest(queries, base) if retrieved else queries.ids
    return MusicBridge(
        dict(zip(queries.ids, broad, strict=True)),
        dict(zip(queries.ids, nearest(queries, base, wanted), strict=True)),
        base,
    )


@dataclass(frozen=True)
class ExampleMaker:
    """Makes an example of a row, in the loader's workers; everything drawn follows from the row's seed.

    Attributes:
        settings: Settings of the run.
        table: Name of the features in a row.
        facts: What was noted when they were encoded.
        rows: Looks up the latents of other clips.
        bridge: Which clips these are.
    """

    settings: Settings
    table: str
    facts: Mapping[str, Any]
    rows: FeatureRows
    bridge: MusicBridge

    def __call__(self, row: Mapping[str, Any]) -> Example:
        """Return the tensors of one example, and its `clip_id`."""
        settings, encoded, clip_id = self.settings, row[self.table], row[KEY]
        rng = np.random.default_rng(row["seed"])
        clean, start = self._window(encoded["latents"], rng)
        elsewhere, _ = self._window(encoded["latents"], rng)
        music = self._music(clip_id, clean, elsewhere, rng)
        keep, followed, styled = rng.random(3)
        time = rng.random()
        noise = rng.standard_normal(clean.shape, np.float32)
        style = self.bridge.style(clip_id) if styled < settings.style_share else None
        states = encoded["text" if style is None else "styled"]
        if style is None:
            style, has_style = np.zeros(self.bridge.clips.vectors.shape[1], np.float32), False
        else:
            has_style = True
        text = np.zeros((int(self.facts["max_tokens"]), states.shape[1]), np.float32)
        text[: len(states)] = states
        follows = music is not None and followed >= settings.control_dropout
        return {
            KEY: clip_id,
            "clean": clean,
            "noise": noise,
            "time": np.float32(time),
            "text": text,
            "tokens": np.int64(len(states)),
            "style": style,
            "styled": np.bool_(has_style),
            "control": music if follows else np.zeros_like(clean),
            "weight": np.float32(follows),
            "start_s": np.float32(start / self.facts["latent_rate_hz"]),
            "total_s": np.float32(encoded["total_s"]),
            "keep": np.bool_(keep >= settings.cfg_dropout),
        }

    def _window(self, latents: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, int]:
        """Return a drawn window (dim, frames), filled up with silence, and its first frame."""
        frames = self.settings.frames
        start = int(rng.integers(max(0, len(latents) - frames) + 1))
        window = latents[start : start + frames].astype(np.float32).T
        silence = np.asarray(self.facts["silence"], np.float32)[:, None]
        return np.concatenate([window, np.repeat(silence, frames - window.shape[1], axis=1)], axis=1), start

    def _music(
        self, clip_id: str, own: np.ndarray, elsewhere: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray | None:
        """Return the latents to follow (dim, frames); a short track is repeated. None where there is none."""
        source = self.settings.control_source
        if source != "retrieved":
            return own if source == "own" else elsewhere
        found = self.bridge.broad.get(clip_id)
        if found is None:
            return None
        latents = self.rows.read(found, ["latents"])["latents"]
        if len(latents) < self.settings.frames:
            latents = np.resize(latents, (self.settings.frames, latents.shape[1]))
        return self._window(latents, rng)[0]


@dataclass(frozen=True)
class BatchMaker:
    """Makes batches of examples, in the loader's workers.

    Attributes:
        size: Examples that go through the network at once.
    """

    size: int

    def __call__(self, examples: Sequence[Example]) -> list[Batch]:
        """Return the batches; a frame of latents counts as one element."""
        parts = [examples[start : start + self.size] for start in range(0, len(examples), self.size)]
        return [_batch(part) for part in parts]


def _batch(examples: Sequence[Example]) -> Batch:
    names = [name for name in examples[0] if name != KEY]
    tensors = {name: torch.from_numpy(np.stack([each[name] for each in examples])) for name in names}
    frames = tensors["clean"].shape[0] * tensors["clean"].shape[2]
    return Batch(tensors, count=frames, size=frames, ids=tuple(each[KEY] for each in examples))


def make_loader(
    dataset: Dataset, table: Features, settings: Settings, *, rank: int = 0, world_size: int = 1
) -> ShardLoader[Example]:
    """Return the loader of the training rows."""
    return _loader(
        dataset,
        "train",
        table,
        settings,
        batch_size=settings.batch * settings.accumulation,
        collate=BatchMaker(settings.batch),
        buffer=settings.shuffle_buffer,
        seed=settings.seed,
        workers=settings.workers,
        rank=rank,
        world_size=world_size,
    )


def read_fixed(dataset: Dataset, table: Features, settings: Settings, split: str) -> list[Example]:
    """Return the first examples of a split, drawn the same way every time."""
    loader = _loader(dataset, split, table, settings, batch_size=1, shuffle=False)

    def examples() -> Iterator[Example]:
        for batch in loader:
            yield from batch

    return list(islice(examples(), settings.validation_rows))


def _loader(
    dataset: Dataset, split: str, table: Features, settings: Settings, **options: Any
) -> ShardLoader[Example]:
    bridge = find_bridge(dataset, split, table, settings)
    maker = ExampleMaker(settings, table.name, table.facts, FeatureRows(table), bridge)
    return ShardLoader(
        dataset,
        split,
        columns=[KEY, "seed"],
        features=[f"{table.name}-{table.fingerprint}"],
        transform=maker,
        **options,
    )
