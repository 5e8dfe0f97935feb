"""What publishing costs now that stores and media files are checked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench.speed.store import compare


def figures() -> Iterator[dict[str, Any]]:
    """Yield `checked-publish/f9cc51a`."""
    yield compare("checked-publish", "publish", "fill-files", 240, target="<= 1.10", what="publishing")
