"""Reads prompts: the states of their tokens, by T5 as in Stable Audio, or by the text tower of CLAP."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from leitmotif.generators.published_layout import part_folder
from leitmotif.weights.load import check_complete, check_kind, loading
from leitmotif.weights.resolve import BadModel, digest_of_ends, resolve_model

_AT_ONCE = 16


class TextStates(Protocol):
    """Turns prompts into states.

    Attributes:
        model: What it was opened by.
        fingerprint: Changes with its weights.
        dim: Length of a state.
        max_tokens: Longer prompts are cut.
    """

    model: str
    fingerprint: str
    dim: int
    max_tokens: int

    def states(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Return the states of each text's tokens, float32 (tokens, dim)."""


class TransformerText:
    """A text encoder of transformers with its tokenizer (`TextStates`).

    Args:
        net: Called with tokens, it returns `last_hidden_state`.
        tokenizer: Its tokenizer.
        model: What it was opened by.
        fingerprint: Digest of its weights.
        max_tokens: Longer prompts are cut.
    """

    def __init__(self, net: Any, tokenizer: Any, model: str, fingerprint: str, max_tokens: int) -> None:
        self.net, self.tokenizer, self.model, self.fingerprint = net, tokenizer, model, fingerprint
        self.max_tokens, self.dim = max_tokens, int(net.config.hidden_size)

    @torch.inference_mode()
    def states(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Return the states of each text's tokens, float32 (tokens, dim)."""
        found = []
        for start in range(0, len(texts), _AT_ONCE):
            # To one length, so that a text has the same bits in any company.
            tokens = self.tokenizer(
                list(texts[start : start + _AT_ONCE]),
                padding="max_length",
                truncation=True,
                max_length=self.max_tokens,
                return_tensors="pt",
            ).to(self.net.device)
            states = self.net(
                input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]
            ).last_hidden_state  # (texts, max_tokens, dim)
            lengths = tokens["attention_mask"].sum(dim=1).tolist()
            found += [row[:length].float().cpu().numpy() for row, length in zip(states, lengths, strict=True)]
        return found


def open_text(
    text: str | None, base: str | None, device: str = "cpu", *, revision: str | None = None
) -> TextStates:
    """Return what reads prompts.

    Args:
        text: A CLAP model: one that ships, a folder or a hub id; None takes T5 of the base.
        base: A model in the layout of Stable Audio Open.
        device: Where to.
        revision: Revision of a base on the hub.

    Raises:
        BadModel: It is missing, incomplete, or of another kind.
    """
    if text is not None:
        return _open_clap(text, device)
    if base is None:
        raise BadModel("got neither a base nor a model of text; set text=clap-mini")
    return _open_t5(base, device, revision)


def _open_clap(model: str, device: str) -> TransformerText:
    from transformers import AutoConfig, AutoTokenizer, ClapModel

    from leitmotif.weights.hub import local_folder

    source = resolve_model(model)
    folder = local_folder(source, "main")
    with loading(model, "CLAP", "a whole folder of ClapModel.save_pretrained with its tokenizer"):
        check_kind(AutoConfig.from_pretrained(folder), "clap")
        net, report = ClapModel.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
        check_complete(report)
        tokenizer = AutoTokenizer.from_pretrained(folder)
    shape = net.config.text_config
    longest = shape.max_position_embeddings - shape.pad_token_id - 1
    tower = net.text_model.eval().requires_grad_(False).to(device)
    return TransformerText(tower, tokenizer, model, digest_of_ends(folder), longest)


def _open_t5(base: str, device: str, revision: str | None) -> TransformerText:
    from transformers import AutoTokenizer, T5EncoderModel

    folder = part_folder(base, "text_encoder", revision)
    words = part_folder(base, "tokenizer", revision)
    with loading(base, "a model with T5", "a folder in the layout of Stable Audio Open"):
        net, report = T5EncoderModel.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
        check_complete(report)
        tokenizer = AutoTokenizer.from_pretrained(words)
    net = net.eval().requires_grad_(False).to(device)
    return TransformerText(
        net, tokenizer, base, digest_of_ends(Path(folder)), int(tokenizer.model_max_length)
    )
