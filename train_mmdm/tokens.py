"""The tokenizer of `tiny`, learned from the training captions; that of a pretrained model, loaded."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from leitmotif.storage.errors import UserError
from leitmotif.train_mmdm.settings import MODEL_KIND, Settings
from leitmotif.weights.hub import cannot_load

VOCABULARY = 2048
PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
IMAGE_TOKENS = {
    "start_image_token": "<img>",
    "end_image_token": "</img>",
    "context_image_token": "<IMG_CONTEXT>",
    "video_token": "<video>",
}
# The form of InternVL's own: one block a message.
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + "
    "'<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def learn_tokenizer(texts: Iterable[str]) -> Any:
    """Return a byte-level BPE tokenizer with InternVL's special tokens and chat template.

    Args:
        texts: What it is to write in few tokens; any other text takes more of them.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PAD, START, END, *IMAGE_TOKENS.values()],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PAD,
        extra_special_tokens=IMAGE_TOKENS,
        chat_template=CHAT_TEMPLATE,
    )


def load_tokenizer(settings: Settings) -> Any:
    """Return the tokenizer of a pretrained InternVL.

    Raises:
        UserError: It cannot be loaded, or it is not InternVL's.
        OutsideError: The hub cannot be reached.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(settings.model_id, revision=settings.revision)
    except (OSError, ValueError) as error:
        raise cannot_load(
            "the tokenizer", settings.model_id, error, setting="model_id", expected=MODEL_KIND
        ) from error
    return check_tokenizer(tokenizer, str(settings.model_id))


def open_tokenizer(folder: Path) -> Any:
    """Return the tokenizer that a run saved."""
    from transformers import AutoTokenizer

    return check_tokenizer(AutoTokenizer.from_pretrained(folder), str(folder))


def check_tokenizer(tokenizer: Any, name: str) -> Any:
    """Return the tokenizer if it knows InternVL's image tokens and how a chat is written."""
    missing = [token for token in IMAGE_TOKENS if getattr(tokenizer, token, None) is None]
    if missing or not tokenizer.chat_template:
        lacking = ", ".join(missing) or "a chat template"
        raise UserError(
            f"the tokenizer of {name!r} lacks {lacking}; give an InternVL in the format of transformers, "
            "whose id ends in -hf"
        )
    return tokenizer
