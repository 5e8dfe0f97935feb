"""Takes the name of a file's folder for its artist."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from leitmotif.collection.metadata import Metadata
from leitmotif.collection.settings import Settings


class FolderName:
    """Knows where files lie."""

    def __init__(self, settings: Settings) -> None:
        """Need nothing."""

    def look_up(self, file: Path, metadata: Metadata) -> dict[str, Any]:
        """Return the folder's name."""
        return {"artist": file.parent.name}

    def close(self) -> None:
        """Hold nothing open."""
