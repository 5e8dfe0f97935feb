"""The captions of a batch that is not stored yet: what a killed run had received is not asked for again."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from leitmotif.captioning.captioner import Caption
from leitmotif.captioning.facts import CaptionFacts
from leitmotif.storage.json_lines import line_of, read_lines


class Journal:
    """One JSON line for each caption, written as it comes; a context manager around one batch.

    A batch that ends well takes its journal away; one that does not leaves it, and the next batch with these
    clips finds its captions there. What is done, the store alone says. A folder belongs to one prompt, model
    and sampling, so that what is found was asked for in the same words.
    """

    def __init__(self, folder: Path, clip_ids: Collection[str]) -> None:
        """Name the journal; nothing is read or written yet.

        Args:
            folder: Where journals lie.
            clip_ids: The clips of the batch.
        """
        self.path = folder / f"{uuid.uuid4().hex}.jsonl"
        self.clip_ids = frozenset(clip_ids)
        self.captions: dict[str, Caption] = {}
        self._used_up: list[Path] = []
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        """Read what earlier runs left."""
        for path in self.path.parent.glob("*.jsonl"):
            found = dict(_read(path))
            self.captions |= {clip_id: found[clip_id] for clip_id in self.clip_ids & found.keys()}
            if found.keys() <= self.clip_ids:
                self._used_up.append(path)
        return self

    def add(self, facts: CaptionFacts, caption: Caption) -> None:
        """Write down one caption.

        Raises:
            OSError: The disk refused.
        """
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("wb")
        line: dict[str, Any] = {"clip_id": facts.clip_id, "caption": caption.text, "seed": caption.seed}
        line |= {} if caption.system else {"system": False}
        line |= {"metadata": list(caption.metadata)} if caption.metadata else {}
        self._file.write(line_of(line))
        self._file.flush()
        self.captions[facts.clip_id] = caption

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the journals away if the batch ended well."""
        if self._file is not None:
            self._file.close()
        if kind is None:
            for path in (*self._used_up, self.path):
                path.unlink(missing_ok=True)


def _read(path: Path) -> Iterator[tuple[str, Caption]]:
    """Yield what a journal holds; a line that a crash cut off, or that is none of ours, is passed over."""
    try:
        lines = read_lines(path)
    except FileNotFoundError:
        return
    for number, entry in lines.records.items():
        clip_id, text, seed = entry.get("clip_id"), entry.get("caption"), entry.get("seed")
        metadata = entry.get("metadata", [])
        if number in lines.broken or not isinstance(seed, int | None) or not isinstance(metadata, list):
            continue
        if isinstance(clip_id, str) and isinstance(text, str):
            yield clip_id, Caption(text, seed, bool(entry.get("system", True)), tuple(map(str, metadata)))
