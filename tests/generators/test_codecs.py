"""Codecs: lengths, pieces, silence, and the folders that they are opened from."""

import json
import warnings
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderSAME

from leitmotif.generators.codecs import codec as pieces
from leitmotif.generators.codecs.codec import (
    AudioCodec,
    decode_long,
    encode_blocks,
    encode_long,
    latent_rate_hz,
)
from leitmotif.generators.codecs.open import open_codec
from leitmotif.generators.codecs.spectral import SpectralAutoencoder, SpectralConfig, write_spectral
from leitmotif.weights.resolve import BadModel
from tests.generators.published import write_oobleck, write_same


@pytest.fixture(params=["spectral", "oobleck", "same"])
def codec(request: pytest.FixtureRequest, tmp_path: Path) -> AudioCodec:
    """A codec of random weights, opened from a folder."""
    torch.manual_seed(0)
    if request.param == "spectral":
        write_spectral(SpectralAutoencoder(SpectralConfig(width=8, latent_dim=4)), tmp_path)
    else:
        {"oobleck": write_oobleck, "same": write_same}[request.param](tmp_path)
    return open_codec(str(tmp_path))


def tones(codec: AudioCodec, frames: int) -> torch.Tensor:
    """Sounds of two tones, (1, channels, samples)."""
    time = torch.arange(frames * codec.hop) / codec.rate_hz
    sound = 0.2 * torch.sin(2 * torch.pi * 440 * time) + 0.1 * torch.sin(2 * torch.pi * 1000 * time)
    return sound.expand(1, codec.channels, -1).clone()


def test_frames_of_sound_become_frames_of_latents_and_back(codec: AudioCodec) -> None:
    latents = codec.encode(tones(codec, 40))
    assert latents.shape == (1, codec.latent_dim, 40) and latents.dtype == torch.float32
    sound = codec.decode(latents)
    assert sound.shape == (1, codec.channels, 40 * codec.hop) and torch.isfinite(sound).all()
    assert torch.equal(sound, codec.decode(latents))
    assert latent_rate_hz(codec) == codec.rate_hz / codec.hop


def test_a_sound_in_pieces_is_the_sound_as_a_whole(
    codec: AudioCodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = tones(codec, 60)
    whole = codec.encode(sound)[0]
    monkeypatch.setattr(pieces, "PIECE_S", 20 / latent_rate_hz(codec))
    monkeypatch.setattr(pieces, "MARGIN_S", 30 / latent_rate_hz(codec))
    assert torch.allclose(encode_long(codec, sound[0]), whole, atol=1e-4)
    decoded = decode_long(codec, whole)
    assert decoded.shape == (codec.channels, 60 * codec.hop)
    if codec.channels == 2:  # phases that are looked for differ
        assert torch.allclose(decoded, codec.decode(whole[None])[0], atol=1e-4)


@pytest.mark.parametrize("frames", [1, 19, 20, 25, 50, 60])
def test_a_sound_in_blocks_has_the_bits_of_the_whole_wherever_they_end(
    codec: AudioCodec, monkeypatch: pytest.MonkeyPatch, frames: int
) -> None:
    monkeypatch.setattr(pieces, "PIECE_S", 20 / latent_rate_hz(codec))
    monkeypatch.setattr(pieces, "MARGIN_S", 5 / latent_rate_hz(codec))
    sound = tones(codec, frames)[0, :, 1:]  # its last frame is not full
    asked: list[int] = []
    encode = codec.encode

    def noting(audio: torch.Tensor) -> torch.Tensor:
        asked.append(audio.shape[-1] // codec.hop)
        return encode(audio)

    monkeypatch.setattr(codec, "encode", noting)
    whole = encode_long(codec, sound)
    assert whole.shape == (codec.latent_dim, frames)
    # Pieces of 20 frames with 5 beside them, where there are any.
    starts = range(0, frames, 20)
    assert asked == [min(start + 25, frames) - max(0, start - 5) for start in starts]
    for size in (1, codec.hop, 7 * codec.hop + 3):
        if frames < 30 or size > 1:
            assert torch.equal(encode_blocks(codec, sound.split(size, dim=1)), whole)


def test_a_last_frame_that_is_not_full_is_filled_up(codec: AudioCodec) -> None:
    assert encode_long(codec, torch.zeros(codec.channels, 1)).shape == (codec.latent_dim, 1)
    assert encode_long(codec, torch.zeros(codec.channels, 10 * codec.hop + 1)).shape[1] == 11


def test_the_codec_of_stable_audio_3_is_that_of_diffusers_and_no_frame_stands_alone(tmp_path: Path) -> None:
    write_same(tmp_path / "vae")
    (tmp_path / "model_index.json").write_text('{"_class_name": "StableAudio3Pipeline"}')
    codec = open_codec(str(tmp_path))
    assert (codec.rate_hz, codec.channels, codec.hop, codec.latent_dim) == (8000, 2, 8, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        net = AutoencoderSAME.from_pretrained(str(tmp_path / "vae")).eval()
    sound = tones(codec, 40)
    with torch.no_grad():
        latents = net.encode(sound).latents
        assert torch.equal(codec.encode(sound), latents)
        assert torch.equal(codec.decode(latents), net.decode(latents).sample)
    other = sound.clone()
    other[..., 20 * codec.hop] += 0.5
    changed = (codec.encode(other) - latents).abs().amax(dim=(0, 1)) > 1e-6
    assert changed[19:22].all()  # in each of two layers at most one frame on each side
    assert not changed[:18].any() and not changed[23:].any()


def test_other_weights_have_another_fingerprint(tmp_path: Path) -> None:
    found = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        write_spectral(SpectralAutoencoder(SpectralConfig(width=8)), tmp_path / str(seed))
        found.append(open_codec(str(tmp_path / str(seed))).fingerprint)
    assert found[0] != found[1]
    assert found[0] == open_codec(str(tmp_path / "0")).fingerprint


def test_levels_of_a_full_tone_are_one_and_those_of_silence_minus_one() -> None:
    net = SpectralAutoencoder(SpectralConfig())
    time = torch.arange(64 * net.hop) / 16_000
    tone = net.levels(torch.sin(2 * torch.pi * 1000 * time)[None])  # of bin 64
    assert float(tone[0, 64, 10:-10].mean()) == pytest.approx(1.0, abs=0.01)
    assert float(net.levels(torch.zeros(1, 64 * net.hop)).max()) == -1.0


def test_phases_are_found_that_give_a_sound_of_its_levels() -> None:
    net = SpectralAutoencoder(SpectralConfig())
    draw = torch.Generator().manual_seed(0)
    time = torch.arange(60 * net.hop) / 16_000
    sound = sum(0.1 * torch.sin(2 * torch.pi * pitch * time) for pitch in (220.0, 330.0, 1234.5))
    sound = sound + torch.randn(sound.shape, generator=draw) * 1e-3
    sound[::4000] += 0.5  # clicks
    again = net._with_phases(net.spectrum(sound[None]).abs(), len(sound))
    levels, found = net.levels(sound[None]), net.levels(again)
    assert float((levels - found).abs()[levels > 0].mean()) * 40 < 1.5  # dB


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (None, "does not load as an audio codec"),
        ({"_class_name": "AutoencoderKL"}, "its config.json says 'AutoencoderKL'"),
        ({"model_type": "spectral-autoencoder", "width": 8}, "does not load as an audio codec"),
    ],
)
def test_what_is_no_codec_is_one_line(tmp_path: Path, config: dict[str, object] | None, said: str) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(BadModel, match=said) as error:
        open_codec(str(tmp_path))
    assert "\n" not in str(error.value)


def test_a_codec_that_is_nowhere_is_one_line() -> None:
    with pytest.raises(
        BadModel, match=r"got model './nowhere', and no such folder exists; expected a folder"
    ):
        open_codec("./nowhere")


def test_weights_of_another_shape_are_one_line(tmp_path: Path) -> None:
    write_spectral(SpectralAutoencoder(SpectralConfig(width=8)), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "width": 16}))
    with pytest.raises(BadModel, match="weights of another shape"):
        open_codec(str(tmp_path))
