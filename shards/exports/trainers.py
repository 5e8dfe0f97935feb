"""Sound files with what is said of them, as ACE-Step 1.5, Stable Audio 3 and LTX-2 read them."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import soundfile

from leitmotif.phrases import count
from leitmotif.shards.exports.target import sound_of

# From here on the sound is as likely as not to have a voice: the column is a probability.
_VOICE = 0.5


class AceStep:
    """`SPLIT.json` of metadata and samples, and the sounds in `SPLIT/`.

    Reference:
        ACE-Step 1.5, acestep/training/dataset_builder_modules: models.py, serialization.py, preprocess.py.
        Sounds are opened by the path that stands in the file, so it is a whole one. A text beside a sound
        would be taken for its lyrics: there is none.
    """

    NAME: ClassVar[str] = "ace-step"
    COLUMNS: ClassVar[tuple[str, ...]] = ("genres", "tempo_bpm", "key", "meter", "duration_s", "vocal_score")
    READ_BY: ClassVar[str] = "ACE-Step 1.5: load SPLIT.json in its dataset builder"

    def __init__(self, folder: Path, place: Path) -> None:
        self._folder, self._place = folder, place.absolute()
        self._samples: dict[str, list[dict[str, Any]]] = {}
        self._voices = 0

    def add(self, split: str, row: Mapping[str, Any]) -> str:
        """Write a sound, and note its sample."""
        name = write_file(self._folder, split, f"{row['clip_id']}.flac", sound_of(row))
        voice = row["vocal_score"] is not None and row["vocal_score"] >= _VOICE
        self._voices += voice
        tempo_bpm, meter = row["tempo_bpm"], row["meter"]
        self._samples.setdefault(split, []).append(
            {
                "id": row["clip_id"],
                "audio_path": str(self._place / name),
                "filename": Path(name).name,
                "caption": row["caption"],
                "genre": ", ".join(tag["tag"] for tag in row["genres"] or ()),
                "lyrics": "" if voice else "[Instrumental]",
                "bpm": None if tempo_bpm is None else round(tempo_bpm),
                "keyscale": row["key"] or "",
                # Beats in a bar alone: its VALID_TIME_SIGNATURES are 2, 3, 4 and 6.
                "timesignature": meter.split("/")[0] if meter else "",
                "duration": int(row["duration_s"]),
                "is_instrumental": not voice,
                "labeled": True,  # what is not is never trained on
            }
        )
        return name

    def close(self) -> list[str]:
        """Write the samples of each split."""
        for split, samples in self._samples.items():
            every = all(sample["is_instrumental"] for sample in samples)
            metadata = {"name": split, "num_samples": len(samples), "all_instrumental": every}
            write_json(self._folder / f"{split}.json", {"metadata": metadata, "samples": samples})
        if not self._voices:
            return []
        return [
            f"{count(self._voices, 'clip')} with a voice and without lyrics: ACE-Step trains on them as "
            "instrumental until you write their lyrics into the file, or leave them out"
        ]


class StableAudio3:
    """`SPLIT/CLIP.flac`, and the caption in `SPLIT/CLIP.txt`.

    Reference:
        stable-audio-3, scripts/train_lora.py (`caption_metadata_fn`: a sound without a text is passed over).
    """

    NAME: ClassVar[str] = "stable-audio-3"
    COLUMNS: ClassVar[tuple[str, ...]] = ()
    READ_BY: ClassVar[str] = "stable-audio-3: scripts/train_lora.py --data_dir FOLDER/train"

    def __init__(self, folder: Path, place: Path) -> None:
        self._folder = folder

    def add(self, split: str, row: Mapping[str, Any]) -> str:
        """Write a sound and its caption."""
        caption = row["caption"].strip() + "\n"
        write_file(self._folder, split, f"{row['clip_id']}.txt", caption.encode())
        return write_file(self._folder, split, f"{row['clip_id']}.flac", sound_of(row))

    def close(self) -> list[str]:
        """Write nothing more."""
        return []


class Ltx2:
    """`SPLIT.json`, a list of `audio` and `caption`, and the sounds in `SPLIT/` as WAV.

    A dataset holds key frames and no film, so that it is one for the sound alone.

    Reference:
        LTX-2, packages/ltx-trainer, docs/dataset-preparation.md and scripts/process_dataset.py: columns are
        known by their names, paths are relative to the file.
    """

    NAME: ClassVar[str] = "ltx-2"
    COLUMNS: ClassVar[tuple[str, ...]] = ()
    READ_BY: ClassVar[str] = "ltx-trainer: scripts/process_dataset.py FOLDER/train.json --audio-durations …"

    def __init__(self, folder: Path, place: Path) -> None:
        self._folder = folder
        self._entries: dict[str, list[dict[str, str]]] = {}

    def add(self, split: str, row: Mapping[str, Any]) -> str:
        """Write a sound, and note its entry."""
        samples, rate_hz = soundfile.read(io.BytesIO(sound_of(row)), dtype="int16", always_2d=True)
        wav = io.BytesIO()
        soundfile.write(wav, samples, rate_hz, format="WAV", subtype="PCM_16")
        name = write_file(self._folder, split, f"{row['clip_id']}.wav", wav.getvalue())
        self._entries.setdefault(split, []).append({"audio": name, "caption": row["caption"]})
        return name

    def close(self) -> list[str]:
        """Write the entries of each split."""
        for split, entries in self._entries.items():
            write_json(self._folder / f"{split}.json", entries)
        return ["the dataset holds no films: LTX-2 learns its sound alone"]


def write_file(folder: Path, split: str, name: str, content: bytes) -> str:
    """Write a file of a split; return its path in the folder."""
    (folder / split).mkdir(exist_ok=True)
    (folder / split / name).write_bytes(content)
    return f"{split}/{name}"


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file as people read it."""
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
