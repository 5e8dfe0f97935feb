"""The published models that make sounds of words: their files, sizes and licences."""

from __future__ import annotations

from typing import Any

from leitmotif.weights.adapters import GENERATE
from leitmotif.weights.backend import Backend
from leitmotif.weights.files import ByHand, HubRepo
from leitmotif.weights.published import PINNED

# Of a model in the layout of diffusers, whose repository may hold the same weights in other formats, too.
_LAYOUT = ("model_index.json", "*/*.json", "*/*.safetensors", "*/*.txt", "*/*.model")
_AUDIOCRAFT = ("state_dict.bin", "compression_state_dict.bin")
_BELOW_A_MILLION = "below 1 million US$ of revenue a year"


def _hub(repo: str, size_bytes: int, **facts: Any) -> HubRepo:
    return HubRepo(repo, PINNED[repo], size_bytes, **facts)


def _layout(repo: str, size_bytes: int, *parts: str, gated: bool = False) -> HubRepo:
    """Return a repository in the layout of diffusers, with the parts whose weights tell that it is whole."""
    needs = ("model_index.json", *(f"{part}/diffusion_pytorch_model.safetensors" for part in parts))
    return _hub(repo, size_bytes, files=_LAYOUT, needs=needs, gated=gated)


def _converted(repo: str, size_bytes: int, setting: str = "--model") -> ByHand:
    how = (
        f"accept its licence at https://huggingface.co/{repo}, run `hf auth login`, and convert it by "
        f"scripts/convert_stable_audio_3_to_diffusers.py of diffusers 0.42, --checkpoint_path {repo} "
        f"--text_encoder_repo google/t5gemma-b-b-ul2 --output_dir {{folder}}; or give the folder by {setting}"
    )
    needs = ("model_index.json", "transformer/config.json", "vae/config.json", "text_encoder/config.json")
    return ByHand(repo, size_bytes, how, needs)


def _generator(name: str, *weights: Any, commercial: str, extra: str | None = None) -> Backend:
    return Backend(
        name=name,
        stages=(GENERATE,),
        backend=name,
        module=f"leitmotif.generators.text_to_audio.{name.replace('-', '_')}",
        commercial=commercial,
        packages=("diffusers",) if extra else (),
        extra=extra,
        weights=weights,
    )


SA3_MUSIC = _converted("stabilityai/stable-audio-3-small-music", 3_400_000_000)
SA3_SFX = _converted("stabilityai/stable-audio-3-small-sfx", 3_400_000_000)
# What `train ecmg` begins with; it was not tuned to take few steps.
SA3_MUSIC_BASE = _converted("stabilityai/stable-audio-3-small-music-base", 3_400_000_000, "--set base=FOLDER")
# By hub id, those that lie where the user converted them to.
CONVERTED = {each.repo: each for each in (SA3_MUSIC, SA3_SFX, SA3_MUSIC_BASE)}

GENERATORS = (
    _generator("musicgen", _hub("facebook/musicgen-small", 2_364_000_000), commercial="no"),
    _generator(
        "audiogen",
        _hub("facebook/audiogen-medium", 3_920_000_000, files=_AUDIOCRAFT, needs=_AUDIOCRAFT),
        _hub("google-t5/t5-large", 2_950_000_000),
        commercial="no",
    ),
    _generator(
        "audioldm2",
        _layout("cvssp/audioldm2", 4_480_000_000, "unet", "vae", "projection_model"),
        commercial="no",
        extra="generate",
    ),
    _generator(
        "stable-audio-open",
        _layout(
            "stabilityai/stable-audio-open-1.0",
            4_900_000_000,
            "transformer",
            "vae",
            "projection_model",
            gated=True,
        ),
        commercial=_BELOW_A_MILLION,
        extra="generate",
    ),
    _generator("stable-audio-3-music", SA3_MUSIC, commercial=_BELOW_A_MILLION, extra="generate"),
    _generator("stable-audio-3-sfx", SA3_SFX, commercial=_BELOW_A_MILLION, extra="generate"),
)
