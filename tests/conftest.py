"""Fixtures that every room's tests share."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_media() -> Path:
    """The folder of real media files with its INDEX.csv; skips where it is missing."""
    folder = Path(os.environ.get("LEITMOTIF_MEDIA", REPOSITORY.parent / "shared" / "media"))
    if not (folder / "INDEX.csv").is_file():
        pytest.skip(
            f"real media not found in {folder.name!r}; set LEITMOTIF_MEDIA to the folder with INDEX.csv"
        )
    return folder
