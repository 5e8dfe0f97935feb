from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import GotOcr2ImageProcessorPil

from leitmotif.train_mmdm.answer import Answer, read_answer, write_answer
from leitmotif.train_mmdm.processor import (
    DEVIATION,
    IGNORED,
    INSTRUCTION,
    MEAN,
    TEXT_QUESTION,
    Processor,
    instruction_of,
    normalise,
    question_of,
    spread_frames,
)
from leitmotif.train_mmdm.settings import choose_settings
from leitmotif.train_mmdm.tokens import learn_tokenizer
from leitmotif.train_mmdm.visuals import describe_visuals


@pytest.fixture(scope="module")
def processor() -> Processor:
    texts = ["a gentle piano melody", question_of(2), INSTRUCTION]
    return Processor(learn_tokenizer(texts), choose_settings("tiny", ["image_side=64"]))


def noisy_frames(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (90, 160, 3), dtype=np.uint8) for _ in range(count)]


def decode(processor: Processor, ids: torch.Tensor) -> str:
    return str(processor.tokenizer.decode(ids))


def test_frames_are_prepared_as_by_the_library_s_own_processor(processor: Processor) -> None:
    frames = noisy_frames(3)
    reference = GotOcr2ImageProcessorPil(
        size={"height": 64, "width": 64}, crop_to_patches=False, image_mean=MEAN, image_std=DEVIATION
    )
    expected = reference(images=[Image.fromarray(frame) for frame in frames], return_tensors="pt")
    torch.testing.assert_close(normalise(processor.resize(frames)), expected["pixel_values"])


def test_pictures_of_any_mode_become_rgb(processor: Processor) -> None:
    grey = Image.new("L", (20, 30), 128)
    clear = Image.new("RGBA", (20, 30), (1, 2, 3, 0))
    pixels = processor.resize([grey, clear, np.full((5, 4, 3), 7, np.uint8)])
    assert pixels.shape == (3, 3, 64, 64)
    assert [pixels[n].float().mean().item() for n in range(3)] == [128, 2, 7]


def test_a_video_s_frames_stand_numbered_before_the_question(processor: Processor) -> None:
    written = processor.write(2, "Why?")
    picture = "<img><IMG_CONTEXT><IMG_CONTEXT><IMG_CONTEXT><IMG_CONTEXT></img>"
    assert written == (
        f"<|im_start|>user\nFrame1: {picture}\nFrame2: {picture}\nWhy?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_an_image_has_no_number_and_a_text_has_no_picture(processor: Processor) -> None:
    assert processor.write(1, "Why?").startswith("<|im_start|>user\n<img><IMG_CONTEXT>")
    example = processor.encode(None, TEXT_QUESTION.format(text="The flower that smiles today"))
    assert set(example) == {"input_ids", "labels"}
    assert "<img>" not in decode(processor, example["input_ids"])
    assert "The flower that smiles today<|im_end|>" in decode(processor, example["input_ids"])


def test_the_question_is_the_paper_s(processor: Processor) -> None:
    assert question_of(10) == (
        "Based on the emotional tone, pacing, and visuals of this video, how would you compose the music? "
        "Provide a one-sentence summary of the key musical elements that you use."
    )
    assert "visuals of this image" in question_of(1)
    assert instruction_of(10).startswith("First describe the visual elements of this video")


def test_only_the_answer_and_its_end_carry_loss(processor: Processor) -> None:
    pixels = processor.resize(noisy_frames(2))
    example = processor.encode(pixels, "Why?", "a gentle piano melody")
    kept = example["labels"] != IGNORED
    assert decode(processor, example["labels"][kept]) == "a gentle piano melody<|im_end|>"
    assert torch.equal(example["labels"][kept], example["input_ids"][kept])
    asked = processor.encode(pixels, "Why?")
    assert torch.equal(asked["input_ids"], example["input_ids"][~kept])


@pytest.mark.parametrize("side", ["left", "right"])
def test_examples_are_padded_to_one_length(processor: Processor, side: str) -> None:
    pixels = processor.resize(noisy_frames(2))
    long, short = processor.encode(pixels, "Why?", "a melody"), processor.encode(pixels[:1], "Why?", "a")
    batch = processor.collate([long, short], side=side)
    size = len(short["input_ids"])
    own = slice(-size, None) if side == "left" else slice(0, size)
    assert batch["input_ids"].shape == (2, len(long["input_ids"]))
    assert torch.equal(batch["input_ids"][1, own], short["input_ids"])
    assert batch["attention_mask"].sum(dim=1).tolist() == [len(long["input_ids"]), size]
    assert (batch["labels"][1] != IGNORED).sum() == (short["labels"] != IGNORED).sum()
    assert batch["pixels"].shape == (3, 3, 64, 64)


def test_frames_are_spread_evenly() -> None:
    assert spread_frames(range(10), 10) == list(range(10))
    assert spread_frames(range(10), 5) == [1, 3, 5, 7, 9]
    assert spread_frames(range(10), 1) == [5]
    assert spread_frames(range(3), 10) == [0, 1, 2]


def test_an_answer_is_read_as_it_was_written() -> None:
    answer = Answer(
        description="A slow, sad piece. It ends well.",
        visuals="dark, muted, blue pictures, calm",
        moods=("sad", "calm"),
        tempo="slow",
        genres=("hip hop",),
        instruments=("piano", "acoustic guitar"),
    )
    text = write_answer(answer)
    assert text == (
        "Visual elements: dark, muted, blue pictures, calm.\n"
        "Mood: sad, calm. Tempo: slow. Genre: hip hop. Instruments: piano, acoustic guitar.\n"
        "Music: A slow, sad piece. It ends well."
    )
    assert read_answer(text) == answer


def test_what_is_not_known_is_left_out_of_an_answer() -> None:
    assert write_answer(Answer("A piece.")) == "Music: A piece."
    assert write_answer(Answer("A piece.", tempo="fast")) == "Tempo: fast.\nMusic: A piece."
    assert read_answer("Tempo: fast.\nMusic: A piece.") == Answer("A piece.", tempo="fast")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Answer("")),
        ("  A calm piece. ", Answer("A calm piece.")),
        ("Visual elements: dark picture", Answer("", visuals="dark picture")),
        ("Mood: sad. Mood: calm.\nMusic: x", Answer("x", moods=("sad",))),
        ("Mood: , .\nMusic:", Answer("")),
    ],
)
def test_an_answer_that_a_model_left_unfinished_is_read_too(text: str, expected: Answer) -> None:
    assert read_answer(text) == expected


@pytest.mark.parametrize(
    ("colours", "phrase"),
    [
        ([(10, 10, 10)], "very dark, grey picture"),
        ([(250, 240, 245)], "bright, grey picture"),
        ([(0, 0, 200), (0, 0, 200)], "dark, vivid, blue pictures, still"),
        ([(255, 0, 0), (255, 150, 140)], "softly lit, vivid, red pictures, restless"),
        ([(60, 120, 70)] * 2, "dark, vivid, green pictures, still"),
        ([(255, 0, 40)], "softly lit, vivid, red picture"),
    ],
)
def test_pictures_are_described_by_light_colour_and_change(
    colours: list[tuple[int, int, int]], phrase: str
) -> None:
    frames = np.stack([np.full((4, 6, 3), colour, np.uint8) for colour in colours])
    assert describe_visuals(frames) == phrase


def test_a_tokenizer_spells_what_it_never_saw(processor: Processor) -> None:
    tokens: Any = processor.tokenizer
    for text in ("Überraschung, 8/8 ♫", "a gentle piano melody\nagain"):
        assert tokens.decode(tokens(text)["input_ids"]) == text
