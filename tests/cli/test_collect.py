"""`leitmotif collect` as a command: what it prints and returns."""

import io
import json
import math
import wave
from pathlib import Path

import pytest

from leitmotif.cli.main import main
from leitmotif.collection.archive import Archive
from tests.collection.folder_server import serve_folder
from tests.weights.file_server import Files, serve


def tone() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(
            b"".join(int(9000 * math.sin(n / 3)).to_bytes(2, "little", signed=True) for n in range(4000))
        )
    return file.getvalue()


def test_files_are_fetched_counted_and_handed_to_curate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.mp4").write_text("<html>no film</html>")
    (tmp_path / "b.wav").write_bytes(tone())
    with serve_folder(tmp_path) as url:
        urls = tmp_path / "urls.txt"
        urls.write_text(f"{url}/a.mp4\n{url}/b.wav\n{url}/gone.wav\n")
        words = [
            "collect",
            str(urls),
            "--out",
            str(tmp_path / "out"),
            "--pause",
            "0",
            "--allow-host",
            "127.0.0.1",
        ]
        assert main([*words, "--json"]) == 0
        facts = json.loads(capsys.readouterr().out.splitlines()[-1])
        seconds = facts.pop("seconds")
        assert seconds > 0
        assert facts == {
            "wanted": 3,
            "fetched": 1,
            "already": 0,
            "refused": 1,
            "failed": 1,
            "left": 0,
            "bytes": len(tone()) + len("<html>no film</html>"),
            "stopped": {},
        }
        assert main([*words, "--strict"]) == 1
        assert f"next: leitmotif curate {tmp_path / 'out'}" in capsys.readouterr().out


def test_a_host_that_limits_ends_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve(Files(status=429)) as files:
        words = [
            "collect",
            f"{files.url}/a.wav",
            "--out",
            str(tmp_path),
            "--allow-host",
            "127.0.0.1",
            "--pause",
            "0",
        ]
        assert main([*words, "--tries", "1"]) == 3
    said = capsys.readouterr()
    assert "127.0.0.1 asked to be left alone, 1 items are left" in said.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--jobs", "0"], "--jobs: got 0; expected more than 0"),
        (["--max-hours", "-1"], "--max-hours: got -1"),
        (["--pause", "nan"], "--pause: got nan"),
        (["--proxy", "socks5://a:1"], "expected http://HOST:PORT"),
        (["--cookies", "nothing.txt"], "give a cookies.txt"),
        (["--country", "Sweden"], "expected two letters"),
        (["--enrich", "discogs"], "known are shazam, musicbrainz"),
    ],
)
def test_a_wrong_option_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(["collect", "http://127.0.0.1:1/a.wav", "--out", str(tmp_path / "out"), *words]) == 2
    assert said in capsys.readouterr().err


def test_a_folder_in_use_is_exit_code_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Archive(tmp_path / "out").held():
        assert main(["collect", "http://127.0.0.1:1/a.wav", "--out", str(tmp_path / "out")]) == 3
    assert "is in use by another run" in capsys.readouterr().err


def test_a_source_that_is_none_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["collect", str(tmp_path / "nothing"), "--out", str(tmp_path / "out")]) == 2
    assert "neither an address" in capsys.readouterr().err
