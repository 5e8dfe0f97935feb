"""Small byte-level tokenizers, saved as real tokenizer files, that can spell any text."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast


def train_tokenizer(
    texts: Iterable[str], *, style: str, size: int = 1500, max_length: int = 64
) -> PreTrainedTokenizerFast:
    """Return a lower-casing byte-pair tokenizer of about `size` pieces.

    Words of the training texts become few pieces; an unknown word falls apart into smaller ones, to bytes.

    Args:
        texts: What the tokenizer is made for.
        style: "roberta" (`<s> text </s>`, for CLAP) or "clip" (`<|startoftext|> text <|endoftext|>`).
        size: Most pieces in the vocabulary.
        max_length: Longest text in pieces; longer ones are cut.
    """
    if style == "roberta":
        specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
        first, last, pad, unknown = "<s>", "</s>", "<pad>", "<unk>"
    elif style == "clip":
        specials = ["<|startoftext|>", "<|endoftext|>", "<pad>"]
        first, last, pad, unknown = "<|startoftext|>", "<|endoftext|>", "<pad>", "<|endoftext|>"
    else:
        raise ValueError(f"got style {style!r}; expected roberta or clip")
    tokenizer = Tokenizer(models.BPE(unk_token=None))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Lowercase(), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=size,
            min_frequency=2,
            special_tokens=specials,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}",
        special_tokens=[(first, tokenizer.token_to_id(first)), (last, tokenizer.token_to_id(last))],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=first,
        eos_token=last,
        pad_token=pad,
        unk_token=unknown,
        model_max_length=max_length,
        model_input_names=["input_ids", "attention_mask"],
    )
