"""Reads prompts: the states of their tokens, by T5 or T5Gemma as in Stable Audio, or by CLAP's text tower."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from leitmotif.generators.published_layout import part_folder
from leitmotif.storage.documents import read_object
from leitmotif.weights.load import check_kind, load_network, loading
from leitmotif.weights.resolve import BadModel, digest_of_ends, resolve_model

_AT_ONCE = 16
# Classes of transformers by what a text encoder's config.json says, and how many tokens each takes at most:
# as T5 and Stable Audio 3 were trained.
_ENCODERS = {"t5": ("T5EncoderModel", 512), "t5gemma": ("T5GemmaEncoderModel", 256)}


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
        shape = getattr(net.config, "encoder", net.config)  # that of T5Gemma is one of two
        self.max_tokens, self.dim = max_tokens, int(shape.hidden_size)

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
            # Some tokenizers fill up in front of the prompt.
            masks = tokens["attention_mask"].bool()
            found += [row[mask].float().cpu().numpy() for row, mask in zip(states, masks, strict=True)]
        return found


def open_text(
    text: str | None, base: str | None, device: str = "cpu", *, revision: str | None = None
) -> TextStates:
    """Return what reads prompts.

    Args:
        text: A CLAP model: one that ships, a folder or a hub id; None takes the encoder of the base.
        base: A model in the layout of Stable Audio Open or Stable Audio 3.
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
        net = load_network(ClapModel, folder)
        tokenizer = AutoTokenizer.from_pretrained(folder)
    shape = net.config.text_config
    longest = shape.max_position_embeddings - shape.pad_token_id - 1
    tower = net.text_model.to(device)
    return TransformerText(tower, tokenizer, model, digest_of_ends(folder), longest)


def _open_t5(base: str, device: str, revision: str | None) -> TransformerText:
    import transformers

    folder = part_folder(base, "text_encoder", revision)
    words = part_folder(base, "tokenizer", revision)
    with loading(base, "a model with T5 or T5Gemma", "a folder in the layout of Stable Audio"):
        kind = str(read_object(folder / "config.json").get("model_type"))
        if kind not in _ENCODERS:
            raise ValueError(f"its text encoder is a {kind}")
        name, longest = _ENCODERS[kind]
        net = load_network(getattr(transformers, name), folder)
        tokenizer = transformers.AutoTokenizer.from_pretrained(words)
    net = net.to(device)
    longest = min(int(tokenizer.model_max_length), longest)
    return TransformerText(net, tokenizer, base, digest_of_ends(Path(folder)), longest)
