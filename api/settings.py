"""Settings as Python gives them to `set`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

# Such as {"motion.threshold": 0.02}.
Settings = Mapping[str, object]


def assignments(changes: Settings | Sequence[str] | None) -> list[str]:
    """Return settings as the `section.key=value` that a plan takes."""
    if changes is None:
        return []
    if isinstance(changes, Mapping):
        # JSON is YAML, as which the values are read.
        return [f"{name}={json.dumps(value, default=str)}" for name, value in changes.items()]
    return list(changes)
