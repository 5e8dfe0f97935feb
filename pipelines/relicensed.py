"""Files of which another licence is stated than before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow.compute as pc

from leitmotif.phrases import count
from leitmotif.shards.licenses import UNKNOWN_LICENSE
from leitmotif.storage.table import AppendOnlyTable

# Changes that are named, the most frequent first.
_NAMED = 3


def describe_relicensed(catalog: AppendOnlyTable, before: Sequence[Path]) -> str:
    """Return the line that says which licences changed, and of how many files; "" where none did.

    A file that had none and has one now is no change; one under another name is the same file.

    Args:
        catalog: The catalog as it is now.
        before: Its parts before the files were entered.
    """
    if catalog.parts() == [*before]:
        return ""
    known = catalog.read(["path", "license"], parts=before)
    licenses = dict(zip(known["path"].to_pylist(), known["license"].to_pylist(), strict=True))
    table = catalog.read(["path", "license", "media_id", "gone"])
    gone = pc.fill_null(table["gone"], False)
    former = table.filter(gone).to_pydict()
    renamed = dict(zip(former["media_id"], former["license"], strict=True))
    changes: Counter[tuple[str, str]] = Counter()
    for row in table.filter(pc.invert(gone)).to_pylist():
        path, media_id = row["path"], row["media_id"]
        old = licenses.get(path, renamed.get(media_id)) or UNKNOWN_LICENSE
        new = row["license"] or UNKNOWN_LICENSE
        if media_id and old not in (UNKNOWN_LICENSE, new):
            changes[old, new] += 1
    ordered = sorted(changes.items(), key=lambda change: (-change[1], change[0]))
    said = [f"of {count(files, 'file')} changes from {old} to {new}" for (old, new), files in ordered]
    rest = sum(files for _, files in ordered[_NAMED:])
    more = [f"of {count(rest, 'other file')} as well"] if rest else []
    return f"the licence {', '.join([*said[:_NAMED], *more])}" if said else ""
