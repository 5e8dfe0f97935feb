"""What the generator promises: seeds, batches, lengths, levels, and that it hears what it is given."""

from pathlib import Path

import numpy as np
import pytest
import torch

from leitmotif.generators.ecmg.generate import EcmgGenerator
from leitmotif.generators.generator import Request
from leitmotif.generators.loudness import measure
from leitmotif.storage.errors import UserError
from leitmotif.training.loader.decode import Audio

RATE_HZ = 44_100


def tone(pitch_hz: float, seconds: float = 0.3) -> Audio:
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return Audio(np.tile(0.3 * np.sin(2 * np.pi * pitch_hz * time), (2, 1)).astype(np.float32), RATE_HZ)


@pytest.fixture(scope="module")
def generator(music_run: Path) -> EcmgGenerator:
    return EcmgGenerator(music_run).load()


def ask(**changed: object) -> Request:
    return Request(**{"seconds": 0.2, "prompt": "calm piano", "seed": 5, **changed})  # type: ignore[arg-type]


def sound(generator: EcmgGenerator, **changed: object) -> np.ndarray:
    return generator.generate([ask(**changed)])[0].samples


def test_a_seed_gives_the_same_sound_and_another_seed_another(generator: EcmgGenerator) -> None:
    assert np.array_equal(sound(generator), sound(generator))
    assert not np.allclose(sound(generator), sound(generator, seed=6), atol=1e-3)


def test_a_batch_gives_what_each_request_gives_alone(generator: EcmgGenerator) -> None:
    asked = [ask(), ask(seed=6, reference=tone(300)), ask(seconds=0.1, negative_prompt="drums")]
    together = generator.generate(asked)
    assert generator.generate([]) == []
    for request, found in zip(asked, together, strict=True):
        (alone,) = generator.generate([request])
        assert found.samples.shape == alone.samples.shape
        assert np.allclose(found.samples, alone.samples, atol=0.02)


@pytest.mark.parametrize("seconds", [0.04, 0.1, 0.2, 0.256])
def test_a_sound_is_as_long_as_it_is_to_be(generator: EcmgGenerator, seconds: float) -> None:
    assert sound(generator, seconds=seconds).shape == (1, round(seconds * 16_000))


def test_a_sound_is_neither_silent_nor_clipped(generator: EcmgGenerator) -> None:
    found = sound(generator)
    assert np.isfinite(found).all()
    assert 0.05 < float(np.abs(found).max()) < 1.0
    assert measure(found, 16_000) is None  # too short to measure: as loud as its peaks allow


@pytest.mark.parametrize(
    "changed",
    [
        {"reference": tone(300)},
        {"prompt": "fast drums"},
        {"prompt": None},
        {"negative_prompt": "drums"},
        {"style": np.array([1, 0, 0, 0], np.float32)},
    ],
    ids=["reference", "prompt", "no-prompt", "negative", "style"],
)
def test_every_condition_is_heard(generator: EcmgGenerator, changed: dict[str, object]) -> None:
    assert not np.allclose(sound(generator), sound(generator, **changed), atol=1e-4)


def test_another_reference_gives_another_sound_and_one_of_no_strength_none(generator: EcmgGenerator) -> None:
    low, high = (sound(generator, reference=tone(pitch)) for pitch in (200, 2000))
    assert not np.allclose(low, high, atol=1e-4)
    assert np.array_equal(sound(generator, reference=tone(200), strength=0.0), sound(generator))
    half = sound(generator, reference=tone(200), strength=0.5)
    assert not np.allclose(half, low, atol=1e-5)


def test_steps_and_guidance_can_be_chosen(music_run: Path, generator: EcmgGenerator) -> None:
    for options in ({"steps": 7}, {"guidance": 1.0}):
        other = EcmgGenerator(music_run, **options).load()  # type: ignore[arg-type]
        assert not np.allclose(sound(other), sound(generator), atol=1e-4)
    told: list[int] = []
    EcmgGenerator(music_run, steps=3).load().generate([ask()], on_step=told.append)
    assert told == [1, 2, 3]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"seconds": 3600.0}, r"got 3600 s to generate; this model makes 0.03 to 0.26 s at a time"),
        ({"seconds": 0.0}, r"got 0 s to generate"),
        ({"seconds": float("nan")}, r"got nan s to generate"),
        ({"seed": -1}, r"got seed -1; expected 0 or more"),
        ({"strength": float("inf")}, r"got strength inf; expected a number"),
        (
            {"style": np.zeros(512, np.float32)},
            r"got a style of shape \(512,\); the model was trained with CLAP",
        ),
        ({"reference": Audio(np.zeros((2, 0), np.float32), RATE_HZ)}, r"got a reference without any sound"),
        (
            {"reference": Audio(np.full((2, RATE_HZ), np.nan, np.float32), RATE_HZ)},
            r"got a reference with samples that are not finite",
        ),
        ({"style": np.full(4, np.inf, np.float32)}, r"got a style with numbers that are not finite"),
    ],
)
def test_what_cannot_be_made_is_one_line(
    generator: EcmgGenerator, changed: dict[str, object], said: str
) -> None:
    with pytest.raises(UserError, match=said) as error:
        generator.generate([ask(**changed)])
    assert "\n" not in str(error.value)


def test_a_model_that_says_no_numbers_makes_no_sound(music_run: Path) -> None:
    broken = EcmgGenerator(music_run).load()
    with torch.no_grad():
        broken.model.net.transformer.proj_out.weight[0] = torch.nan
    with pytest.raises(UserError, match=r"the model gave \d+ of 256 numbers that are not finite for seed 5"):
        broken.generate([ask()])


def test_a_silent_reference_is_a_reference(generator: EcmgGenerator) -> None:
    silence = Audio(np.zeros((2, RATE_HZ), np.float32), RATE_HZ)
    assert np.isfinite(sound(generator, reference=silence)).all()


def test_what_is_no_run_is_one_line(tmp_path: Path, encoded) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UserError, match="is no run"):
        EcmgGenerator(tmp_path / "nowhere").load()
    with pytest.raises(RuntimeError, match=r"expected load\(device\) to be called first"):
        EcmgGenerator(tmp_path).generate([ask()])
