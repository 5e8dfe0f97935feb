"""A run that is killed again and again loses nothing and fetches nothing twice."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from leitmotif.collection.archive import Archive
from leitmotif.collection.collector import CollectSummary
from leitmotif.collection.folder import find_media
from tests.collection.media_server import MediaServer, tone

FILES = 120
CODE = """
import sys
from pathlib import Path
from leitmotif.collection.collector import collect
from leitmotif.collection.guard import Guard
from leitmotif.collection.settings import Settings
from leitmotif.collection.archive import Archive
from leitmotif.collection.sources.open import open_source
here = Guard(frozenset({"127.0.0.1"}))
settings = Settings(pause_s=0.0, per_host=4, guard=here)
collect([open_source(sys.argv[1])], Archive(Path(sys.argv[2])), settings)
"""


@pytest.mark.slow
def test_after_kill_9_nothing_is_lost_and_nothing_fetched_twice(
    media: MediaServer, fetch: Callable[..., CollectSummary], archive: Archive, tmp_path: Path
) -> None:
    rng = random.Random(0)
    urls = [
        media.add(f"/{n}.wav", tone(1.0, pitch_hz=200.0 + n), etag=f'"{n}"', pause_s=0.003)
        for n in range(FILES)
    ]
    words = tmp_path / "urls.txt"
    words.write_text("\n".join(urls))
    for _ in range(5):
        begun = len(media.asked)
        process = subprocess.Popen(
            [sys.executable, "-c", CODE, str(words), str(archive.root)], start_new_session=True
        )
        deadline = time.monotonic() + 60
        while len(media.asked) < begun + rng.randint(8, 20) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    summary = fetch(str(words), per_host=4, jobs=4)
    assert summary.wanted == summary.fetched + summary.already == FILES
    kept = {file.path.read_bytes() for file in find_media([archive.root / "media"])}
    assert kept == {page.body for page in media.pages.values()}
    # A file whose last byte was on its way when the process died is asked for once more, and only its rest.
    whole = [path for path, asked in media.asked if not asked]
    assert len(whole) - len(set(whole)) <= 5 * 4
    assert not list(archive.partial.iterdir())
    assert fetch(str(words)).already == FILES
