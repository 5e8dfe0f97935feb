"""Real music for slow tests and `bench/quality`: whole tracks out of Debian's packages of free games.

    make real-media        or        python -m bench.real_media [FOLDER]

Some 230 tracks of many genres, ten hours, under free licences. 1.6 GB are fetched; FOLDER is by default what
LEITMOTIF_REAL_MEDIA says, or `~/.cache/leitmotif/real-media`. `apt-get` fetches each package as the machine's
Debian has it and checks its signature; nothing is installed. FOLDER/PACKAGE holds the music of a package, and
FOLDER/INDEX.csv says of each file its package, version, length, licence and, where all of the package is of
one kind, genre. What is there is not fetched again.

Most of it is share-alike (GPL, CC BY-SA): it is for measuring, not for a dataset that is passed on.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from leitmotif.media.errors import MediaError
from leitmotif.media.probe import probe
from leitmotif.storage.atomic import temporary_folder, whole_folder, write_text
from leitmotif.storage.digest import sha256_of
from leitmotif.storage.errors import OutsideError, RunError

INDEX = "INDEX.csv"
SOUND = (".ogg", ".mp3")
# Games keep loops and effects beside their music. Hardly an effect is longer than these; packages of music
# alone hold shorter pieces, too. What is longer (a saw mill, a locomotive) lies in folders of such names.
MUSIC_S, MIXED_S = 20.0, 25.0
EFFECTS = {"sfx", "sound", "sounds"}


@dataclass(frozen=True)
class Package:
    """A package of Debian that holds music.

    Attributes:
        name: Its name.
        licence: That of its music, by its file `copyright`.
        genre: What all of it is; empty where it is mixed.
        least_s: Sound that is shorter is no music.
    """

    name: str
    licence: str
    genre: str = ""
    least_s: float = MIXED_S


PACKAGES = (
    Package("unknown-horizons", "GPL-2+, by file CC-BY-SA-3.0", "orchestral"),
    Package("singularity-music", "CC-BY-SA-3.0", "electronic", MUSIC_S),
    Package("trackballs-data", "GPL-2+, three files Ethymonics Free Music License", "electronic"),
    Package("ufoai-music", "by file CC-BY-3.0, CC-BY-SA-3.0, GPL-2, GPL-2+", least_s=MUSIC_S),
    Package("supertux-data", "GPL-2+, level packs CC-BY-SA-4.0"),
    Package("supertuxkart-data", "by file CC-BY-SA-3.0, CC-BY-SA-4.0, CC-BY-3.0, CC0-1.0"),
    Package("drascula-music", "Drascula licence: no fee for the game by itself", least_s=MUSIC_S),
    Package("warmux-data", "GPL-2+"),
    Package("asc-music", "GPL-2+", "electronic", MUSIC_S),
    Package("freeorion-data", "CC-BY-SA-3.0"),
)


@dataclass(frozen=True)
class Track:
    """A row of the index: `file` is relative to the folder, `genre` is that of the package."""

    file: str
    package: str
    version: str
    duration_s: float
    genre: str
    licence: str


def default_folder() -> Path:
    """Return where the music is kept."""
    return Path(os.environ.get("LEITMOTIF_REAL_MEDIA") or "~/.cache/leitmotif/real-media").expanduser()


def read_index(folder: Path) -> list[Track]:
    """Return the tracks of a folder that `fetch` filled, in order; none where it did not."""
    path = folder / INDEX
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as lines:
        rows: list[dict[str, Any]] = list(csv.DictReader(lines))
    return [Track(**row | {"duration_s": float(row["duration_s"])}) for row in rows]


def fetch(folder: Path, packages: Sequence[Package] = PACKAGES) -> list[Track]:
    """Fetch the packages that are not there, write the index, and return it.

    Raises:
        OutsideError: This is no Debian, its archive cannot be reached, or it has no such package.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tracks = [track for track in read_index(folder) if (folder / track.file).is_file()]
    for package in packages:
        if not any(track.package == package.name for track in tracks):
            print(f"{package.name} …", flush=True)
            tracks = sorted([*tracks, *_fetch_package(folder, package)], key=lambda track: track.file)
            write_text(folder / INDEX, _as_csv(tracks))
    return tracks


def _fetch_package(folder: Path, package: Package) -> list[Track]:
    with temporary_folder("real-media") as scratch:
        _run(["apt-get", "download", "-q", package.name], scratch)
        (archive,) = scratch.glob("*.deb")
        version = _run(["dpkg-deb", "--field", archive.name, "Version"], scratch).strip()
        _run(["dpkg-deb", "--extract", archive.name, "tree"], scratch)
        for bundle in [*(scratch / "tree").rglob("*.pk3")]:  # games' name for a zip file
            with zipfile.ZipFile(bundle) as members:
                members.extractall(bundle.with_suffix(""))
        shutil.rmtree(folder / package.name, ignore_errors=True)  # without a line in the index
        with whole_folder(folder / package.name) as beside:
            return list(_take(scratch / "tree", beside, package, version))


def _take(tree: Path, out: Path, package: Package, version: str) -> Iterator[Track]:
    """Move the music of a package into a folder, each piece once."""
    taken: set[str] = set()
    for path in sorted(tree.rglob("*")):
        if path.suffix.lower() not in SOUND or path.is_symlink() or not path.is_file():
            continue
        if EFFECTS & {*path.relative_to(tree).parts}:
            continue
        try:
            duration_s = probe(path).duration_s or 0.0
        except MediaError as error:
            print(f"  {path.name} is left out: {error}")
            continue
        digest = sha256_of(path)
        if duration_s < package.least_s or digest in taken:
            continue
        taken.add(digest)
        name = path.name if not (out / path.name).exists() else f"{path.parent.name}-{path.name}"
        shutil.move(path, out / name)
        rest = (version, round(duration_s, 2), package.genre, package.licence)
        yield Track(f"{package.name}/{name}", package.name, *rest)


def _run(command: Sequence[str], folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise OutsideError(
            f"there is no {command[0]} here; the music comes from Debian's packages"
        ) from error
    except subprocess.CalledProcessError as error:
        said = (error.stderr.strip().splitlines() or ["it does not say why"])[-1]
        line = f"`{' '.join(command)}` failed: {said}; see whether `apt-get update` helps"
        raise OutsideError(line) from error
    return done.stdout


def _as_csv(tracks: Sequence[Track]) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(field.name for field in fields(Track))
    rows.writerows(map(astuple, tracks))
    return text.getvalue()


def main(arguments: Sequence[str]) -> int:
    """Fetch into the folder that is named, or the default one."""
    folder = Path(arguments[0]).expanduser() if arguments else default_folder()
    try:
        tracks = fetch(folder)
    except RunError as error:
        print(f"real-media: error: {error}", file=sys.stderr)
        return 1
    hours = sum(track.duration_s for track in tracks) / 3600
    print(f"{len(tracks)} tracks, {hours:.1f} hours, in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
