"""Encoding a dataset: latents, text states, and clips that cannot be encoded."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
import torch

from leitmotif.generators.codecs.codec import AudioCodec
from leitmotif.generators.codecs.open import open_codec
from leitmotif.generators.ecmg.encode import encode, fit_audio, fit_blocks, make_encoding
from leitmotif.generators.ecmg.prompts import draw_attribute, with_attribute
from leitmotif.generators.ecmg.settings import choose_settings
from leitmotif.generators.ecmg.text import open_text
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.errors import DatasetError
from leitmotif.storage.errors import UserError
from leitmotif.taxonomy.labels import load
from leitmotif.training.features import fill_table
from leitmotif.training.loader.decode import Audio
from tests.training.plain_clips import plain_rows
from tests.training.rendered_clips import write_dataset


class Broken:
    """A codec whose latents of the second clip are not all numbers."""

    def __init__(self, codec: AudioCodec) -> None:
        self.codec, self.calls = codec, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.codec, name)

    def encode(self, audio: torch.Tensor) -> torch.Tensor:
        latents = self.codec.encode(audio).clone()
        self.calls += 1
        if self.calls == 3:  # after silence and the first clip
            latents[0, 3, 1] = torch.nan
        return latents


def test_rows_have_latents_and_the_states_of_both_prompts(encoded: Dataset) -> None:
    table = encoded.features("ecmg")
    assert table.facts["codec"] == "codec-mini" and table.facts["text"] == "clap-mini"
    assert table.facts["latent_rate_hz"] == 31.25 and len(table.facts["silence"]) == 32
    row = encoded.table("train").to_pylist()[0]
    (found,) = table.join([row["clip_id"]]).to_pylist()
    assert np.shape(found["latents"]) == (4, 32)  # a tenth of a second at 31.25 frames a second
    assert found["total_s"] == pytest.approx(0.1)
    text = open_text("clap-mini", None)
    attribute = draw_attribute(row, encoded.taxonomy)
    assert attribute is not None
    assert found["attribute"] == {"column": attribute[0], "value": attribute[1]}
    plain, styled = text.states([row["caption"], with_attribute(row["caption"], attribute[2])])
    assert np.allclose(found["text"], plain, atol=1e-2) and np.allclose(found["styled"], styled, atol=1e-2)


def test_a_latent_that_is_no_number_stops_with_the_clip_and_keeps_what_came_before(tmp_path: Path) -> None:
    dataset = Dataset(write_dataset(tmp_path / "dataset", {"train": plain_rows(3)}))
    ids = dataset.table(columns=["clip_id"])["clip_id"].to_pylist()
    text, codec = open_text("clap-mini", None), open_codec("codec-mini")
    with pytest.raises(
        UserError, match=f"clip {ids[1]} has latents with 1 of 128 numbers that are not"
    ) as said:
        fill_table(dataset, make_encoding(dataset, Broken(codec), text))
    assert "\n" not in str(said.value)
    assert dataset.features("ecmg").clip_ids.to_pylist() == ids[:1]
    assert fill_table(dataset, make_encoding(dataset, codec, text)).computed == 2


@pytest.mark.parametrize(
    ("audio", "said"),
    [
        (b"fLaC and no more", r"cannot be encoded \(no readable FLAC file"),
        (None, r"cannot be encoded \(no readable FLAC file"),
        (b"", r"cannot be encoded \(no readable FLAC file"),
    ],
)
def test_a_sound_that_cannot_be_decoded_is_one_line(tmp_path: Path, audio: bytes | None, said: str) -> None:
    (row,) = plain_rows(1)
    row["audio"] = None if audio is None else {"bytes": audio, "path": "x.flac"}
    dataset = Dataset(write_dataset(tmp_path / "dataset", {"train": [row]}))
    with pytest.raises(UserError, match=f"clip {row['clip_id']} {said}"):
        encode(dataset, choose_settings("tiny"), "cpu")


@pytest.mark.parametrize("samples", [0, 1])
def test_a_sound_without_a_sample_is_one_line(tmp_path: Path, samples: int) -> None:
    (row,) = plain_rows(1)
    file = io.BytesIO()
    soundfile.write(file, np.zeros((samples, 2)), 44_100, format="FLAC", subtype="PCM_16")
    row["audio"] = {"bytes": file.getvalue(), "path": "x.flac"}
    dataset = Dataset(write_dataset(tmp_path / "dataset", {"train": [row]}))
    with pytest.raises(UserError, match=r"cannot be encoded \((it has no sound|no readable FLAC file)"):
        encode(dataset, choose_settings("tiny"), "cpu")


def test_a_dataset_without_captions_is_one_line(make_plain: Any) -> None:
    with pytest.raises(DatasetError, match="has no column 'caption', which music generation learns from"):
        encode(make_plain(without="caption"), choose_settings("tiny"), "cpu")


@pytest.fixture
def make_plain(tmp_path: Path) -> Any:
    """Writes a dataset of one clip without a column."""

    def make(without: str) -> Dataset:
        dataset = Dataset(write_dataset(tmp_path / "dataset", {"train": plain_rows(1)}))
        dataset.__dict__["schema"] = dataset.schema.remove(dataset.schema.get_field_index(without))  # type: ignore[union-attr]
        return dataset

    return make


@pytest.mark.parametrize("channels", [1, 2])
def test_a_sound_is_given_to_a_codec_in_its_rate_and_channels(channels: int) -> None:
    codec = open_codec("codec-mini")
    time = np.arange(44_100) / 44_100
    tone = np.tile(np.sin(2 * np.pi * 440 * time), (channels, 1)).astype(np.float32)
    audio = fit_audio(tone, 44_100, codec)
    assert audio.shape == (1, 16_000) and audio.dtype == torch.float32
    expected = torch.sin(2 * torch.pi * 440 * torch.arange(16_000) / 16_000)
    assert torch.allclose(audio[0, 500:-500], expected[500:-500], atol=1e-2)


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("size", [1, 4410, 30_011])
def test_a_sound_in_blocks_is_given_to_a_codec_with_the_bits_of_the_whole(rate_hz: int, size: int) -> None:
    codec = open_codec("codec-mini")
    noise = np.random.default_rng(0).normal(0, 0.1, (2, 30_011 if size > 1 else 301)).astype(np.float32)
    whole = noise.mean(axis=0)
    if rate_hz != codec.rate_hz:
        whole = soxr.resample(whole, rate_hz, codec.rate_hz)
    blocks = [Audio(noise[:, start : start + size], rate_hz) for start in range(0, noise.shape[1], size)]
    assert np.array_equal(torch.cat([*fit_blocks(blocks, codec)], dim=1)[0], whole)
    assert np.array_equal(fit_audio(noise, rate_hz, codec)[0], whole)


ENCODE = """
import sys
from bench.peak_memory import peak_bytes
from leitmotif.generators.ecmg.encode import encode
from leitmotif.generators.ecmg.settings import choose_settings
from leitmotif.shards.dataset import Dataset
encode(Dataset(sys.argv[1]), choose_settings("tiny"), "cpu")
print(peak_bytes() >> 20)
"""


@pytest.mark.slow
def test_memory_hardly_grows_with_the_length_of_a_clip(tmp_path: Path) -> None:
    peaks_mib = []
    for length_s in (90, 1290):
        (row,) = plain_rows(1)
        tone = np.round(8000 * np.sin(2 * np.pi * np.arange(44_100) * 0.01)).astype(np.int16)
        path = tmp_path / f"{length_s}.flac"
        with soundfile.SoundFile(path, "w", 44_100, 2, "PCM_16") as file:
            for _ in range(length_s):
                file.write(np.stack([tone, tone], axis=1))
        row["audio"] = {"bytes": path.read_bytes(), "path": path.name}
        dataset = write_dataset(tmp_path / f"dataset-{length_s}", {"train": [row]})
        done = subprocess.run(
            [sys.executable, "-c", ENCODE, str(dataset)],
            cwd=Path(__file__).resolve().parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
        peaks_mib.append(int(done.stdout))
    # Twenty more minutes are 404 MiB in float32, and 16 in FLAC, of which the row is.
    assert peaks_mib[1] < peaks_mib[0] + 150, peaks_mib


def test_an_attribute_stands_at_the_end_of_the_prompt() -> None:
    assert with_attribute("A calm piece.", "jazz music") == "A calm piece; jazz music"
    assert with_attribute("", "jazz music") == "jazz music"


def test_the_attribute_of_a_clip_is_one_that_it_has_and_the_same_every_time() -> None:
    taxonomy, drawn = load(), set()
    for number in range(40):
        row = {
            "clip_id": f"clip-{number}",
            "genres": [{"tag": "jazz", "score": 0.5}, {"tag": "rock", "score": 0.2}],
            "moods": [],
            "tempo_class": "fast",
        }
        found = draw_attribute(row, taxonomy)
        assert found == draw_attribute(row, taxonomy)
        drawn.add(found)
    assert {each[:2] for each in drawn if each} == {("genres", "jazz"), ("tempo_class", "fast")}
    assert draw_attribute({"clip_id": "x", "genres": None, "moods": []}, taxonomy) is None


def test_text_states_do_not_depend_on_what_is_read_beside() -> None:
    text = open_text("clap-mini", None)
    alone, (_, beside) = (
        text.states(["slow jazz"])[0],
        text.states(["a much longer prompt about rock", "slow jazz"]),
    )
    assert np.array_equal(alone, beside) and alone.shape[1] == text.dim
    (longest,) = text.states(["jazz " * 500])
    assert len(longest) == text.max_tokens
