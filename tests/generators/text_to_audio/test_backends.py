"""Every text-to-audio backend on tiny weights of its architecture, in its published format."""

from pathlib import Path

import numpy as np
import pytest

from leitmotif.generators.backends import descriptions, open_generator
from leitmotif.generators.generator import Request
from leitmotif.generators.text_to_audio.text_to_audio import TextToAudio
from leitmotif.storage.errors import UserError
from leitmotif.weights.adapters import GENERATE, adapters, constants_of
from leitmotif.weights.resolve import BadModel
from tests.generators.text_to_audio.tiny_models import WRITERS

CALM = Request(seconds=0.31, prompt="calm wind", seed=1)
FAST = Request(seconds=0.2, prompt="fast steps", seed=2)
NAMES = sorted(descriptions())


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model of each backend that takes one."""
    place = tmp_path_factory.mktemp("models")
    return {name: write(place / name) for name, write in WRITERS.items()}


@pytest.fixture(scope="module")
def backends(folders: dict[str, Path]) -> dict[str, TextToAudio]:
    """Every backend, loaded."""
    return {name: open_generator(name, model=_folder(folders, name)) for name in NAMES}


def _folder(folders: dict[str, Path], name: str) -> str | None:
    return str(folders[name]) if name in folders else None


@pytest.mark.parametrize("name", NAMES)
def test_a_backend_says_what_it_is_and_keeps_its_protocol(name: str) -> None:
    facts = constants_of(adapters(GENERATE)[name])
    assert facts["LONGEST_S"] > 0 and facts["CHANNELS"] and facts["MEMORY"] and facts["BEST_AT"]
    assert facts["COMMERCIAL"] and facts["RATE_HZ"] >= 16_000


@pytest.mark.parametrize("name", NAMES)
def test_sounds_have_the_length_that_was_asked_for_and_are_the_same_in_any_company(
    name: str, backends: dict[str, TextToAudio]
) -> None:
    backend, told = backends[name], list[int]()
    calm, fast = backend.generate([CALM, FAST], told.append)
    assert told == list(range(1, backend.steps(CALM) + backend.steps(FAST) + 1))
    for sound, request in ((calm, CALM), (fast, FAST)):
        assert sound.rate_hz == backend.rate_hz
        assert sound.samples.shape == (backend.channels, round(request.seconds * backend.rate_hz))
        assert sound.samples.dtype == np.float32 and np.isfinite(sound.samples).all()
        assert 0 < np.abs(sound.samples).max() <= 1
    (alone,) = backend.generate([FAST])
    assert np.array_equal(alone.samples, fast.samples)


@pytest.mark.parametrize("name", NAMES)
def test_another_seed_and_other_words_are_another_sound(name: str, backends: dict[str, TextToAudio]) -> None:
    first, seed, words = backends[name].generate(
        [FAST, Request(FAST.seconds, FAST.prompt, seed=3), Request(FAST.seconds, "rain", seed=2)]
    )
    assert not np.array_equal(first.samples, seed.samples)
    assert not np.array_equal(first.samples, words.samples)


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_words_to_keep_away_from_change_the_sound(name: str, backends: dict[str, TextToAudio]) -> None:
    away = Request(FAST.seconds, FAST.prompt, negative_prompt="rain", seed=2)
    sound, other = backends[name].generate([FAST, away])
    assert not np.array_equal(sound.samples, other.samples)


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_what_is_loaded_again_makes_the_same_sound(
    name: str, backends: dict[str, TextToAudio], folders: dict[str, Path]
) -> None:
    (first,) = backends[name].generate([FAST])
    (again,) = open_generator(name, model=str(folders[name])).generate([FAST])
    assert np.array_equal(first.samples, again.samples)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (Request(0.0, "rain"), "got 0 s to generate; expected 0.1 or more"),
        (Request(float("nan"), "rain"), "got nan s to generate"),
        (Request(100_000.0, "rain"), r"got 100000 s to generate; .* up to .* s at a time"),
        (Request(1.0, " "), "got no words"),
        (Request(1.0, "rain", seed=-1), "got seed -1; expected 0 or more"),
    ],
)
def test_what_cannot_be_made_is_one_line(
    name: str, request_: Request, said: str, backends: dict[str, TextToAudio]
) -> None:
    with pytest.raises(UserError, match=said):
        backends[name].generate([FAST, request_])


def test_nothing_asked_for_is_nothing_made(backends: dict[str, TextToAudio]) -> None:
    assert [backend.generate([]) for backend in backends.values()] == [[]] * len(NAMES)


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_a_folder_of_another_kind_or_none_is_one_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="got model"):
        open_generator(name, model=str(tmp_path / "nowhere"))
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(BadModel, match="got model"):
        open_generator(name, model=str(tmp_path))


def test_an_unknown_backend_lists_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"got backend 'music'; expected one of .*musicgen"):
        open_generator("music")


def test_a_generator_that_is_not_loaded_says_so() -> None:
    from leitmotif.generators.text_to_audio.musicgen import MusicGen

    with pytest.raises(RuntimeError, match="expected load"):
        MusicGen().generate([FAST])
