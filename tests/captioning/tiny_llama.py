"""Write a small Llama that makes up sentences: `python tiny_llama.py FOLDER [WIDTH LAYERS]`.

The weights are random and in the format of the real ones. Its vocabulary is words about music, so that a good
part of what it writes passes for a caption, and the rest does not.
"""

import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

SPECIAL = ["<unk>", "<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>"]
WORDS = """
a the this with and of in at calm slow fast bright dark warm soft gentle piano strings guitar drums bass
flute melody rhythm music piece track song jazz folk rock classical tempo mood feeling evoking rain night
sea summer dreams journey flowing steady playful
"""
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|start_header_id|> {{ message['role'] }} <|end_header_id|> "
    "{{ message['content'] }} <|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|> assistant <|end_header_id|>{% endif %}"
)
# Logit of the end over that of a word: e**BIAS times as likely.
END_BIAS = 0.8


def write_tiny_llama(folder: Path, width: int = 64, layers: int = 2, *, seed: int = 0) -> None:
    """Write config, weights, tokenizer and chat template into a folder; the width is a multiple of 64."""
    vocabulary = {word: number for number, word in enumerate([*SPECIAL, *WORDS.split()])}
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        num_key_value_heads=width // 64,
        max_position_embeddings=4096,
        bos_token_id=vocabulary["<|begin_of_text|>"],
        eos_token_id=vocabulary["<|eot_id|>"],
        tie_word_embeddings=False,
        dtype="float32",
    )
    model = LlamaForCausalLM(config)
    _bias(model, {**dict.fromkeys(SPECIAL, -30.0), "<|eot_id|>": END_BIAS}, vocabulary)
    model.generation_config.update(temperature=0.6, top_p=0.9, do_sample=True)
    model.save_pretrained(folder)
    _tokenizer(vocabulary).save_pretrained(folder)


def _bias(model: LlamaForCausalLM, logits: dict[str, float], vocabulary: dict[str, int]) -> None:
    """Give words a fixed share of their logit: the first number of every hidden state is made a constant.

    It is large in every embedding, so that what the layers add hardly changes it, and the last norm makes it
    nearly the square root of the width.
    """
    with torch.no_grad():
        model.model.embed_tokens.weight[:, 0] = 10.0
        model.lm_head.weight[:, 0] = 0.0
        for word, logit in logits.items():
            model.lm_head.weight[vocabulary[word], 0] = logit / model.config.hidden_size**0.5


def _tokenizer(vocabulary: dict[str, int]) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        bos_token="<|begin_of_text|>",
        eos_token="<|eot_id|>",
        additional_special_tokens=SPECIAL[3:],
        chat_template=TEMPLATE,
        model_max_length=4096,
    )


if __name__ == "__main__":
    write_tiny_llama(Path(sys.argv[1]), *map(int, sys.argv[2:4]))
