"""What the model is shown: the chat around frames and question, and the frames as pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from leitmotif.train_mmdm.settings import Settings

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

# Visuals Music Bridge, appendix C.
QUESTION = (
    "Based on the emotional tone, pacing, and visuals of this {thing}, how would you compose the music? "
    "Provide a one-sentence summary of the key musical elements that you use."
)
# Section 3.1: the model is guided to speak of the visual elements before the music.
INSTRUCTION = (
    "First describe the visual elements of this {thing}: its light, its colours and its movement. Then name "
    "the mood, the tempo, the genre and the instruments of music that fits them, and describe this music in "
    "one sentence."
)
TEXT_QUESTION = (
    "Based on the emotional tone and pacing of this text, how would you compose the music? Provide a "
    "one-sentence summary of the key musical elements that you use.\n{text}"
)

# What the vision tower was trained with: ImageNet's mean and deviation of RGB in 0..1.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
IGNORED = -100  # the label of a token that carries no loss


def question_of(frames: int) -> str:
    """Return the question of appendix C for a number of frames: one is an image, several are a video."""
    return QUESTION.format(thing="image" if frames == 1 else "video")


def instruction_of(frames: int) -> str:
    """Return the training instruction for a number of frames."""
    return INSTRUCTION.format(thing="image" if frames == 1 else "video")


def spread_frames(frames: Sequence[Any], count: int) -> list[Any]:
    """Return at most `count` of the frames, evenly spread, in order."""
    if len(frames) <= count:
        return list(frames)
    return [frames[(2 * place + 1) * len(frames) // (2 * count)] for place in range(count)]


class Processor:
    """Makes inputs for the network from frames, a question and, in training, an answer."""

    def __init__(self, tokenizer: Any, settings: Settings) -> None:
        self.tokenizer = tokenizer
        self.settings = settings

    def resize(self, frames: Sequence[Image | np.ndarray]) -> torch.Tensor:
        """Return frames as the network sees them: uint8 RGB (n, 3, side, side).

        Args:
            frames: PIL images of any mode, or uint8 RGB arrays (height, width, 3).
        """
        return resize_frames(frames, self.settings.image_side)

    def write(self, frames: int, question: str) -> str:
        """Return the chat up to where the model goes on, with a place for each of `frames`."""
        tokens = self.tokenizer
        picture = (
            tokens.start_image_token
            + tokens.context_image_token * self.settings.tokens_a_frame
            + tokens.end_image_token
        )
        if frames == 1:
            pictures = f"{picture}\n"
        else:
            pictures = "".join(f"Frame{number}: {picture}\n" for number in range(1, frames + 1))
        message = {"role": "user", "content": pictures + question}
        return str(tokens.apply_chat_template([message], tokenize=False, add_generation_prompt=True))

    def encode(
        self, pixels: torch.Tensor | None, question: str, answer: str | None = None
    ) -> dict[str, torch.Tensor]:
        """Return one example.

        Args:
            pixels: uint8 (n, 3, side, side) of `resize`; None for a question about a text.
            question: What the user asks.
            answer: What the model is to say; its tokens, and the end of its turn, alone carry loss.

        Returns:
            input_ids and labels (tokens,), and with frames `pixels`, uint8 (n, 3, side, side), which
            `network_inputs` normalises on the device: so they are a quarter as large on the way there.
        """
        import torch

        count = 0 if pixels is None else len(pixels)
        asked = list(self.tokenizer(self.write(count, question))["input_ids"])
        said: list[int] = []
        if answer is not None:
            end = str(self.tokenizer.eos_token)
            said = list(self.tokenizer(answer + end, add_special_tokens=False)["input_ids"])
        example = {
            "input_ids": torch.tensor(asked + said),
            "labels": torch.tensor([IGNORED] * len(asked) + said),
        }
        if pixels is not None:
            example["pixels"] = pixels
        return example

    def collate(
        self, examples: Sequence[Mapping[str, torch.Tensor]], *, side: str = "right"
    ) -> dict[str, torch.Tensor]:
        """Return a batch: examples padded to one length, all their frames in one row.

        Args:
            examples: What `encode` returned.
            side: Where the padding goes: "right" to train, "left" to generate.

        Returns:
            `input_ids`, `labels` and `attention_mask`, each of shape (examples, tokens); and `pixels`, uint8
            (frames of all examples, 3, side, side), where any example has frames.
        """
        import torch

        longest = max(len(example["input_ids"]) for example in examples)
        filled = {"input_ids": self.tokenizer.pad_token_id, "labels": IGNORED, "attention_mask": 0}
        rows: dict[str, list[torch.Tensor]] = {name: [] for name in filled}
        for example in examples:
            given = {**example, "attention_mask": torch.ones_like(example["input_ids"])}
            for name, value in filled.items():
                padding = torch.full((longest - len(given[name]),), value)
                parts = [given[name], padding] if side == "right" else [padding, given[name]]
                rows[name].append(torch.cat(parts))
        batch = {name: torch.stack(values) for name, values in rows.items()}
        pixels = [example["pixels"] for example in examples if "pixels" in example]
        if pixels:
            batch["pixels"] = torch.cat(pixels)  # (frames of all examples, 3, side, side)
        return batch


def network_inputs(
    batch: Mapping[str, torch.Tensor], dtype: torch.dtype | None = None
) -> dict[str, torch.Tensor]:
    """Return a batch as the network takes it: with `pixel_values`, without labels.

    Args:
        batch: What `Processor.collate` returned, on the network's device.
        dtype: Type of the pixels; float32 by default.

    Returns:
        `input_ids` and `attention_mask`, shape (examples, tokens), and with frames `pixel_values`, shape
        (frames, 3, side, side).
    """
    inputs = {name: value for name, value in batch.items() if name not in ("labels", "pixels")}
    if "pixels" in batch:
        inputs["pixel_values"] = normalise(batch["pixels"]).to(dtype)
    return inputs


def resize_frames(frames: Sequence[Image | np.ndarray], side: int) -> torch.Tensor:
    """Return frames squeezed to squares as InternVL has them without tiles: uint8 (n, 3, side, side)."""
    import torch
    from PIL import Image

    resized = []
    for frame in frames:
        picture = Image.fromarray(frame) if isinstance(frame, np.ndarray) else frame
        square = picture.convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
        resized.append(np.asarray(square))
    # (n, side, side, 3) to (n, 3, side, side)
    return torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2).contiguous()


def normalise(pixels: torch.Tensor) -> torch.Tensor:
    """Return uint8 pixels (n, 3, side, side) as the vision tower wants them, float32, on the same device."""
    import torch

    # As tensors: a number would be inverted first on a GPU, and the last bit would differ from a CPU's.
    whole, *shares = (torch.tensor(number, device=pixels.device) for number in (255.0, MEAN, DEVIATION))
    mean, deviation = (share.view(1, 3, 1, 1) for share in shares)
    return (pixels.to(torch.float32) / whole - mean) / deviation
