"""What a run costs that finds everything measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench.speed.store import compare


def figures() -> Iterator[dict[str, Any]]:
    """Yield `rerun/f9cc51a`."""
    what = "a run that computes nothing over"
    yield compare("rerun", "curate", "fill-rows", 2000, target="<= 1.0", what=what)
