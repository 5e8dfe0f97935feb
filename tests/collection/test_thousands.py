"""A run of thousands of files: nothing lost, nothing twice, memory flat."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from leitmotif.collection.archive import Archive

FILES = 5000
# Interned names and the like; a run that held on to its files would need 160 MiB.
MOST_MIB = 32


@pytest.mark.slow
def test_five_thousand_files_need_no_more_memory_than_five_hundred(tmp_path: Path) -> None:
    environment = os.environ | {"LEITMOTIF_BENCH_FILES": str(FILES)}
    command = [sys.executable, "-m", "bench.speed.download"]
    with subprocess.Popen([*command, "serve", "", ""], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            url = f"http://127.0.0.1:{int(server.stdout.readline())}"
            words = tmp_path / "urls.txt"
            words.write_text("".join(f"{url}/{number}.wav\n" for number in range(FILES)))
            run = [*command, "collect", str(words), str(tmp_path / "out")]
            said = subprocess.run(run, check=True, capture_output=True, text=True, env=environment).stdout
        finally:
            server.kill()
    grown_mib = int(said.split()[-1])
    assert grown_mib <= MOST_MIB
    archive = Archive(tmp_path / "out")
    assert len(archive.known()) == FILES
    files = archive.files()
    assert len(files) == FILES
    assert len({path.read_bytes() for path, _ in files}) == FILES
    assert not list(archive.partial.iterdir())
