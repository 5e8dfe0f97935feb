"""What the user may set of a collecting run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from leitmotif.collection.guard import Guard

USER_AGENT = "leitmotif-collect/0.1"


@dataclass(frozen=True)
class Settings:
    """How files are fetched, and what bounds a run.

    Attributes:
        max_height: Tallest picture to fetch, in pixels.
        max_file_bytes: Largest file.
        max_duration_s: Longest file.
        max_item_s: Longest time that one file may take.
        max_playlist: Entries of a playlist that are looked at.
        max_files: Files of one run, None for no bound.
        max_bytes: Bytes of one run.
        max_seconds: Length of one run.
        jobs: Downloads at a time.
        per_host: Downloads at a time from one host.
        pause_s: Mean pause between two beginnings at one host; each is drawn from 0.5 to 1.5 times this.
        attempts: Tries of an item within a run.
        backoff_s: First wait after a failure; doubled with each.
        candidates: Results of a search that are looked at.
        country: Where charts are taken from, by ISO 3166-1 ("US").
        comments: Fetch the ten top comments where the site has them.
        retry_failed: Try again what was refused or is gone.
        ignore_robots: Fetch what robots.txt disallows or a host reserves from mining.
        cookies: A cookies.txt file.
        guard: Where to connect to.
    """

    max_height: int = 720
    max_file_bytes: int = 2 << 30
    max_duration_s: float = 3600.0
    max_item_s: float = 3600.0
    max_playlist: int = 500
    max_files: int | None = None
    max_bytes: int | None = None
    max_seconds: float | None = None
    jobs: int = 4
    per_host: int = 2
    pause_s: float = 1.0
    attempts: int = 3
    backoff_s: float = 1.0
    candidates: int = 5
    country: str = "US"
    comments: bool = False
    retry_failed: bool = False
    ignore_robots: bool = False
    cookies: Path | None = None
    guard: Guard = field(default_factory=Guard)
