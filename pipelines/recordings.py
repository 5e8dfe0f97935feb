"""Which media files hold the same recording: one recording, many videos.

Copies that hardly differ are rejected before (`near-duplicate`). What is looked for here are those at another
speed or pitch, and those whose metadata say that they are one: they stay, under one `recording_id`, and never
come into two splits.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leitmotif.filters.duplicates import RULES, group_duplicates
from leitmotif.filters.fingerprint.altered import ALIKE, NEAREST, SAME_RECORDING, AlteredFingerprint
from leitmotif.filters.fingerprint.fingerprint import WORDS_A_SECOND
from leitmotif.filters.fingerprint.neighbours import nearest_pairs
from leitmotif.phrases import count
from leitmotif.pipelines.entries import CatalogEntry, take
from leitmotif.pipelines.plan import Plan
from leitmotif.pipelines.workspace import Stores
from leitmotif.shards.components import connected_components
from leitmotif.storage.progress import OnProgress, show_nothing
from leitmotif.storage.table import KEY, AppendOnlyTable

logger = logging.getLogger("leitmotif.pipelines")

VERSION = 1
# Compared pairs that are written down in one go.
BATCH = 4096
PAIRS = pa.schema(
    [
        ("media_a", pa.string()),
        ("media_b", pa.string()),
        ("similarity", pa.float32()),
        ("speed", pa.float32()),
        ("semitones", pa.float32()),
    ]
)


def recording_ids(
    kinds: Sequence[Stores], entries: Sequence[CatalogEntry], *, on_progress: OnProgress = show_nothing
) -> dict[str, str]:
    """Return the recording of each media file that has a kept clip.

    What was compared is written down in the workspace, so that publishing again compares nothing twice.

    Args:
        kinds: The stores of each kind of files.
        entries: Every clip of the ledger. All that is measured of a file speaks for it, so that thresholds do
            not change what is one recording.
        on_progress: Called with how many pairs are compared.

    Returns:
        For each media hash an id that the files of one recording share.
    """
    kept = sorted({entry.media_id for entry in entries if entry.outcome.is_kept})
    clips = _clips_of(entries, kept)
    told = [entry for entry in entries if entry.media_id in clips]
    links = {media_id: [f"media {media_id}"] for media_id in kept}
    for entry in entries:
        if entry.outcome.is_kept:
            known = {name: getattr(entry.source, name) for name in ("isrc", "recording_id")}
            links[entry.media_id] += [f"{name} {value}" for name, value in known.items() if value]
    if all({"fingerprint", "tagging"} <= set(stores.stages) for stores in kinds):
        prints = _prints(told, clips)
        near = () if all(_rejects_copies(stores.plan) for stores in kinds) else _near(prints)
        names, embeddings = _embeddings(told, clips)
        pairs = [(names[a], names[b]) for a, b in nearest_pairs(embeddings, at_least=ALIKE, count=NEAREST)]
        for first, second in [*near, *_altered(pair_store(kinds), pairs, prints, on_progress)]:
            links[first].append(f"media {second}")
    return {
        media_id: hashlib.blake2b(f"recording {group[0]}".encode(), digest_size=16).hexdigest()
        for group in connected_components(links)
        for media_id in group
    }


def _clips_of(entries: Iterable[CatalogEntry], kept: Sequence[str]) -> dict[str, list[tuple[float, str]]]:
    """Return (start, clip id) of every clip of each file, in order."""
    clips: dict[str, list[tuple[float, str]]] = {media_id: [] for media_id in kept}
    for entry in entries:
        if (found := clips.get(entry.media_id)) is not None:
            found.append((entry.start_s, entry.clip_id))
    return {media_id: sorted(set(found)) for media_id, found in clips.items()}


def _prints(
    entries: Sequence[CatalogEntry], clips: Mapping[str, Sequence[tuple[float, str]]]
) -> dict[str, np.ndarray]:
    """Return the fingerprint of each file; 0 between its clips, where nothing was measured."""
    found = take(entries, "fingerprint", "audio_print")
    stored = {entry.clip_id: data for entry, data in zip(entries, found, strict=True)}
    prints = {}
    for media_id, spans in clips.items():
        parts = []
        for start_s, clip_id in spans:
            words = np.frombuffer(stored[clip_id].as_py() or b"", "<u4")
            parts.append((round(start_s * WORDS_A_SECOND), words))
        words = np.zeros(max((at + len(part) for at, part in parts), default=0), np.uint32)
        for at, part in parts:
            words[at : at + len(part)] = part
        prints[media_id] = words
    return prints


def _rejects_copies(plan: Plan) -> bool:
    """Tell whether kept files cannot be copies: they are whole, and the rule is as strict as by default."""
    return plan.window_s is None and plan.rules.get(RULES[0].name, 1.0) <= RULES[0].threshold


def _near(prints: Mapping[str, np.ndarray]) -> Iterator[tuple[str, str]]:
    """Yield pairs that the rule against near-duplicates would find, where it let them pass."""
    groups = group_duplicates(list(prints), [words.tobytes() for words in prints.values()])
    yield from ((media_id, first) for media_id, (first, _) in zip(prints, groups, strict=True))


def _altered(
    store: AppendOnlyTable,
    pairs: Sequence[tuple[str, str]],
    prints: Mapping[str, np.ndarray],
    on_progress: OnProgress,
) -> Iterator[tuple[str, str]]:
    """Yield the pairs whose fingerprints agree at some speed and pitch, of pairs that sound alike."""
    names = ["media_a", "media_b", "similarity"]
    table = store.read_without_damaged(names)
    columns = (table[name].to_pylist() for name in names)
    similarity = {(a, b): value for a, b, value in zip(*columns, strict=True)}
    missing = [pair for pair in pairs if pair not in similarity]
    for start in range(0, len(missing), BATCH):
        rows = list(_compared(missing[start : start + BATCH], prints))
        similarity |= {(row["media_a"], row["media_b"]): row["similarity"] for row in rows}
        _write_down(store, rows)
        on_progress("recordings", min(start + BATCH, len(missing)), len(missing))
    same = [pair for pair in pairs if similarity[pair] >= SAME_RECORDING]
    if same:
        logger.info(
            "%s one recording at another speed or pitch", count(len(same), "pair holds", "pairs hold")
        )
    return iter(same)


def _compared(pairs: Iterable[tuple[str, str]], prints: Mapping[str, np.ndarray]) -> Iterator[dict[str, Any]]:
    """Compare pairs sorted by their first file, which is prepared once for all of its pairs."""
    for first, others in itertools.groupby(pairs, key=lambda pair: pair[0]):
        ready = AlteredFingerprint(prints[first])
        for _, other in others:
            found = AlteredFingerprint(prints[other]).agreement(ready)
            facts = {"media_a": first, "media_b": other, **asdict(found)}
            yield {KEY: f"{first}:{other}", **facts}


def _write_down(store: AppendOnlyTable, rows: Sequence[dict[str, Any]]) -> None:
    """Append compared pairs; where the workspace may only be read, they are compared again next time."""
    try:
        store.append(rows)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EROFS):
            raise
        logger.info("the workspace cannot be written: compared pairs are compared again next time")


def pair_store(kinds: Sequence[Stores]) -> AppendOnlyTable:
    """Return the store of compared pairs; they hold for one version of fingerprints.

    Args:
        kinds: The stores of each kind of files, all of one workspace.
    """
    stores = kinds[0]
    ways = "+".join(sorted({each.fingerprints["fingerprint"] for each in kinds}))
    made_of = [VERSION, ways, stores.plan.window_s]
    name = hashlib.blake2b(json.dumps(made_of).encode(), digest_size=6).hexdigest()
    folder = stores.workspace.root / "recordings" / name
    return AppendOnlyTable(folder, PAIRS, scratch=folder / "scratch")


def _embeddings(
    entries: Sequence[CatalogEntry], clips: Mapping[str, Sequence[tuple[float, str]]]
) -> tuple[list[str], np.ndarray]:
    """Return the files that have one, and the mean CLAP embedding of the clips of each, (files, dim)."""
    found = take(entries, "tagging", "clap_embedding")
    known = found.is_valid().to_pylist()
    if not any(known):
        return [], np.zeros((0, 1), np.float32)
    ids = [entry.clip_id for entry, there in zip(entries, known, strict=True) if there]
    rows = {clip_id: row for row, clip_id in enumerate(ids)}
    values = pc.list_flatten(found.drop_null()).to_numpy().reshape(len(ids), -1)
    names, means = [], []
    for media_id, spans in clips.items():
        if own := [rows[clip_id] for _, clip_id in spans if clip_id in rows]:
            mean = values[own].mean(axis=0)
            names.append(media_id)
            means.append(mean / max(float(np.linalg.norm(mean)), 1e-9))
    return names, np.array(means, np.float32).reshape(len(means), values.shape[1])
