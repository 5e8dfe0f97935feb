"""Published models: commits that were tried, lengths of their embeddings, and files outside the hub."""

from __future__ import annotations

from pathlib import Path

from leitmotif.weights.checkpoint import Checkpoint
from leitmotif.weights.resolve import digest_of_ends

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
# The commits of published models that were tried, which a hub id without a revision means.
PINNED = {
    "laion/larger_clap_general": "ada0c23a36c4e8582805bb38fec3905903f18b41",
    "laion/larger_clap_music": "a0b4534a14f58e20944452dff00a22a06ce629d1",
    "laion/larger_clap_music_and_speech": "195c3a3e68faebb3e2088b9a79e79b43ddbda76b",
    "laion/clap-htsat-fused": "cca9e288ab447cee67d9ada1f85ddb46500f1401",
    "laion/clap-htsat-unfused": "8fa0f1c6d0433df6e97c127f64b2a1d6c0dcda8a",
    "openai/clip-vit-large-patch14": "32bd64288804d66eefd0ccbe215aa642df71cc41",
    "google/siglip-so400m-patch14-384": "9fdffc58afc957d1a03a25b10dba0329ab15c2a3",
    "facebook/pe-av-small": "dd050762bb9704ae9cd996ca45532a98f81d817e",
    "google/embeddinggemma-2": "914f7f89142e33e77833254d9c9b90c3cef7303b",
    "FacebookAI/roberta-base": "e2da8e2f811d1448a5b465c236feacd80ffbac7b",
    "openai-community/gpt2": "607a30d783dfa663caf39e06633721c8d4cfcd7e",
    "facebook/musicgen-small": "4c8334b02c6ec4e8664a91979669a501ec497792",
    "facebook/audiogen-medium": "1277dd7dfd8fa57a205a70acc5de0ee90804502f",
    "google-t5/t5-large": "150ebc2c4b72291e770f58e6057481c8d2ed331a",
    "cvssp/audioldm2": "c8e7e189d324425c05c4c2f81214041ef4107983",
    "stabilityai/stable-audio-open-1.0": "f21265c1e2710b3bd2386596943f0007f55f802e",
    LLAMA: "0e9e39f249a16976918f6564b8830bc894c89659",
}

# Lengths of their embeddings; the checkpoint files of LAION all have the one below.
DIMS = {
    "laion/larger_clap_general": 512,
    "laion/larger_clap_music": 512,
    "laion/larger_clap_music_and_speech": 512,
    "laion/clap-htsat-fused": 512,
    "laion/clap-htsat-unfused": 512,
    "openai/clip-vit-large-patch14": 768,
    "google/siglip-so400m-patch14-384": 1152,
    "microsoft/msclap": 1024,
}
LAION_FILE_DIM = 512

# Models that load and are of no use, with the reason.
USELESS = {
    "laion/larger_clap_music": "its text tower gives nearly the same embedding for every text "
    "(https://github.com/embeddings-benchmark/mteb/issues/5069); use laion/larger_clap_general"
}


CNN14 = Checkpoint(
    model="panns/Cnn14_mAP=0.431",
    revision="zenodo-3987831",
    file="Cnn14_mAP=0.431.pth",
    size_bytes=327_428_481,
    sha256="0dc499e40e9761ef5ea061ffc77697697f277f6a960894903df3ada000e34b31",
    url="https://zenodo.org/records/3987831/files/Cnn14_mAP%3D0.431.pth",
    settings=("events.panns", "vocals.panns"),
)
MSCLAP_2023 = Checkpoint(
    model="microsoft/msclap",
    revision="c47d441165daa21986ead0850660917636a81775",
    file="CLAP_weights_2023.pth",
    size_bytes=689_950_036,
    sha256="2cef4016d47d00eb28d153d522f397222057f95000e9bad6b9583c631284a1e6",
    url="https://huggingface.co/microsoft/msclap",
    settings=("quality.model", "tagging.model"),
    on_hub=True,
)

CHECKPOINTS_BY_MODEL = {each.model: each for each in (CNN14, MSCLAP_2023)}


def pinned(model: str, revision: str | None = None) -> str:
    """Return the revision of a hub id: the one asked for, else the pinned one, else "main"."""
    return revision or PINNED.get(model, "main")


def revision_of_language_model(model: str, revision: str | None) -> str:
    """Return what identifies the weights of a language model, without loading them.

    Args:
        model: A hub id, a local folder, or the name of a served model.
        revision: Revision of the hub id, or whatever the user calls the weights.

    Returns:
        The revision asked for; else the pinned one; else the digest of a folder; else "unknown".
    """
    if revision is None and model not in PINNED:
        folder = Path(model).expanduser()
        return digest_of_ends(folder) if folder.is_dir() else "unknown"
    return pinned(model, revision)
