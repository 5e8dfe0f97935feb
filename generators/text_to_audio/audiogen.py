"""Text-to-audio backend `audiogen`: Meta's AudioGen, in the classes of transformers' MusicGen.

What audiocraft publishes is converted while it is loaded (`audiocraft.py`).
"""

from __future__ import annotations

from pathlib import Path

from transformers import AutoConfig, AutoTokenizer, T5EncoderModel

from leitmotif.generators.text_to_audio.audiocraft import CODEC, LANGUAGE, read_audiocraft
from leitmotif.generators.text_to_audio.musicgen import MusicGen
from leitmotif.generators.text_to_audio.text_to_audio import fetch_command
from leitmotif.generators.text_to_audio.token_model import TokenModel
from leitmotif.weights.hub import local_file, local_folder
from leitmotif.weights.load import check_kind, load_network, loading
from leitmotif.weights.published import pinned
from leitmotif.weights.resolve import BadModel

MODEL_ID = "facebook/audiogen-medium"
REVISION = "1277dd7dfd8fa57a205a70acc5de0ee90804502f"
LICENSE = "code MIT, weights CC-BY-NC-4.0"
COMMERCIAL = "no"
RATE_HZ = 16_000
CHANNELS = "1"
# The model was trained on sounds of ten seconds.
LONGEST_S = 10.0
MEMORY = "9 GB"
BEST_AT = "sound effects and ambience"
REFERENCE = "Kreuk et al., AudioGen: Textually guided audio generation, ICLR 2023, arXiv:2209.15352"
SETTINGS = {"model": "facebook/audiogen-medium", "revision": None}

# What reads the words; a model's own files do not hold it.
TEXT = "google-t5/t5-large"
TEXT_FOLDER = "text_encoder"


class AudioGen(MusicGen):
    """Makes everyday sounds (`leitmotif.generators.text_to_audio.text_to_audio.TextToAudio`).

    Args:
        model: `facebook/audiogen-medium`, or a folder with its two files; a T5 in its folder `text_encoder`
            is taken in place of the published one.
        revision: Revision of a hub id; by default the pinned one.
    """

    name = "audiogen"
    longest_s = LONGEST_S

    def __init__(self, model: str = MODEL_ID, revision: str | None = None) -> None:
        super().__init__(model, revision)

    def _open(self) -> TokenModel:
        folder = self._folder()
        fetch = fetch_command(self.name)
        own = folder / TEXT_FOLDER
        words: Path = own if own.is_dir() else local_folder(TEXT, pinned(TEXT), fetch=fetch)
        with loading(self.model, "AudioGen", f"a folder with {LANGUAGE} and {CODEC}", fetch=fetch):
            check_kind(AutoConfig.from_pretrained(words), "t5")
            text = load_network(T5EncoderModel, words)
            return TokenModel(read_audiocraft(folder, text), AutoTokenizer.from_pretrained(words))

    def _folder(self) -> Path:
        """Return the folder of the two files.

        Raises:
            BadModel: One is missing.
        """
        folder = Path(self.model).expanduser()
        if folder.is_dir():
            if missing := [name for name in (LANGUAGE, CODEC) if not (folder / name).is_file()]:
                raise BadModel(f"got model {self.model!r} without {' and '.join(missing)}")
            return folder
        if folder.is_absolute() or self.model.startswith((".", "~")) or self.model.count("/") != 1:
            raise BadModel(f"got model {self.model!r}, and no such folder exists; expected one, or a hub id")
        found = [
            local_file(
                self.model, name, self.revision, otherwise="give a folder", fetch=fetch_command(self.name)
            )
            for name in (LANGUAGE, CODEC)
        ]
        return found[0].parent


TEXT_TO_AUDIO = AudioGen
