"""PE-AV on random tiny weights of its architecture; what sees in it stands in for timm's network."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import PeAudioVideoModel

from leitmotif.encoders import pe_av
from leitmotif.encoders.pe_av import RATE_HZ, PeAvEncoder
from leitmotif.weights.resolve import BadModel
from tests.encoders.pe_av_files import SIDE, TEXTS, save_random_pe_av, stand_in_for_timm


@pytest.fixture(scope="module", autouse=True)
def timm() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        stand_in_for_timm(patch)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pe-av")
    save_random_pe_av(folder)
    return folder


@pytest.fixture(scope="module")
def tiny(folder: Path) -> PeAvEncoder:
    return PeAvEncoder(str(folder), batch=2).load()


def noise(seed: int, seconds: float = 0.1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE_HZ)).astype(np.float32)


def picture(seed: int, size: tuple[int, int] = (SIDE, SIDE)) -> Image.Image:
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))


def test_sounds_films_and_texts_become_unit_rows_of_one_space(tiny: PeAvEncoder) -> None:
    sounds = tiny.embed_windows([noise(seed) for seed in range(3)])
    texts = tiny.embed_texts(TEXTS)
    film = tiny.embed_film([picture(seed, (30, 20)) for seed in range(4)])
    assert sounds.shape == texts.shape == (3, tiny.dim) == (3, *film.shape) == (3, 16)
    for rows in (sounds, texts, film[None]):
        assert rows.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert tiny.embed_texts([]).shape == (0, 16)
    alone = np.concatenate([tiny.embed_texts([text]) for text in TEXTS])
    np.testing.assert_allclose(texts, alone, atol=1e-5)


def test_cosines_are_those_of_the_whole_model(tiny: PeAvEncoder, folder: Path) -> None:
    net = PeAudioVideoModel.from_pretrained(folder).eval()
    tokens = tiny._tokenizer(TEXTS[:1], return_tensors="pt")
    sound = np.resize(noise(1), round(tiny.window_s * RATE_HZ))
    pictures = [picture(seed) for seed in range(3)]
    pixels = np.stack([np.asarray(each, np.float32) for each in pictures]).transpose(0, 3, 1, 2)
    with torch.inference_mode():
        out = net(
            input_ids=tokens["input_ids"],
            attention_mask=tokens["attention_mask"],
            input_values=torch.from_numpy(sound)[None, None],
            pixel_values_videos=torch.from_numpy(pixels)[None] / 127.5 - 1,
        )
    for ours, theirs in (
        (tiny.embed_windows([noise(1)])[0], out.audio_embeds),
        (tiny.embed_film(pictures), out.video_embeds),
        (tiny.embed_texts(TEXTS[:1])[0], out.text_audio_embeds),
    ):
        expected = torch.nn.functional.normalize(theirs)[0].numpy()
        np.testing.assert_allclose(ours, expected, atol=1e-4)


def test_without_timm_the_command_that_installs_it_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pe_av, "find_spec", lambda name: None)
    with pytest.raises(LookupError, match=r"timm.*leitmotif-av\[pe-av\]"):
        PeAvEncoder(str(folder)).load()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model_type": "pe_audio"}, "its config.json says model_type 'pe_audio'"),
        (None, "it has neither video_preprocessor_config.json nor processor_config.json"),
    ],
)
def test_a_folder_of_another_kind_is_one_line(tmp_path: Path, folder: Path, change: dict, said: str) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | (change or {})))
    if change is None:
        (tmp_path / "video_preprocessor_config.json").unlink()
    with pytest.raises(BadModel, match="does not load as PE-AV") as caught:
        PeAvEncoder(str(tmp_path)).load()
    assert said in str(caught.value) and "\n" not in str(caught.value)
