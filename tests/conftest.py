"""Fixtures that every room's tests share."""

import os
from pathlib import Path

# Prefect reads these when it is first imported: no telemetry, no log lines once the tests' streams are shut.
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")

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
