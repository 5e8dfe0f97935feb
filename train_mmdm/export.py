"""A run as a plain model folder, adapters merged: what `transformers` loads and vLLM serves."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from transformers import GenerationConfig

from leitmotif.storage.atomic import whole_folder
from leitmotif.storage.errors import OutsideError, UserError, first_line, is_machine_fault, what_helps
from leitmotif.storage.places import check_place
from leitmotif.train_mmdm.processor import DEVIATION, MEAN
from leitmotif.train_mmdm.run import CARD_NAME, NETWORK, TOKENIZER, best_checkpoint, open_network, reading
from leitmotif.train_mmdm.settings import Settings, read_settings
from leitmotif.train_mmdm.tokens import open_tokenizer

# InternVL's own form: contents are a text, or a list of texts, images and videos.
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ '<IMG_CONTEXT>\n' }}"
    "{% elif part['type'] == 'video' %}{{ '<video>\n' }}"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def export_run(run: Path, out: Path) -> Path:
    """Write weights, configuration, tokenizer, chat template and processors; whole or not at all.

    Args:
        run: What `leitmotif train mmdm` wrote.
        out: The new folder.

    Returns:
        The checkpoint that was taken: that of the least validation loss.

    Raises:
        UserError: The run cannot be opened, or `out` holds something.
        OutsideError: The disk refused.
    """
    check_place(out)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise UserError(f"{str(out)!r} exists and is not empty; choose another --out")
    settings = read_settings(run)
    checkpoint = best_checkpoint(run, settings.KIND)
    with reading(run):
        tokenizer = open_tokenizer(run / TOKENIZER)
        net = merged(checkpoint / NETWORK, settings)
    try:
        with whole_folder(out) as beside:
            write_model(net, tokenizer, settings, beside)
            if (run / CARD_NAME).is_file():
                shutil.copy(run / CARD_NAME, beside)
    except Exception as error:
        if not isinstance(error, OSError) and not is_machine_fault(error):
            raise
        raise OutsideError(
            f"cannot write {str(out)!r} ({first_line(error)}); {what_helps(error)} and export again"
        ) from error
    return checkpoint


def merged(network: Path, settings: Settings) -> Any:
    """Return the network of a checkpoint with its adapters added into its weights.

    Weights that were held in 4 bits for training are read whole.
    """
    net = open_network(network, replace(settings, four_bit=False))
    return (net.merge_and_unload() if settings.lora_rank else net).eval()


def write_model(net: Any, tokenizer: Any, settings: Settings, folder: Path) -> None:
    """Write a model in the format of `transformers`.

    Args:
        net: An InternVL without adapters.
        tokenizer: Tokenizer of the run.
        settings: Settings of the run: how frames are prepared and words are chosen.
        folder: An empty folder.
    """
    if settings.model_id is None:
        tokenizer.chat_template = CHAT_TEMPLATE
    net.config.get_text_config().use_cache = True  # training may have turned it off
    net.generation_config = GenerationConfig(
        do_sample=True,
        top_k=settings.top_k,
        top_p=settings.top_p,
        temperature=settings.temperature,
        max_new_tokens=settings.max_new_tokens,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    net.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for name, content in processors(settings).items():
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def processors(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the files that say how pictures and videos are prepared: squeezed to a square, without tiles.

    They are written by hand, since the library's own video processor needs torchvision.
    """
    pixels = {
        "size": {"height": settings.image_side, "width": settings.image_side},
        "resample": 3,  # bicubic
        "do_resize": True,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(MEAN),
        "image_std": list(DEVIATION),
        "do_convert_rgb": True,
        "processor_class": "InternVLProcessor",
    }
    return {
        "preprocessor_config.json": {
            **pixels,
            "image_processor_type": "GotOcr2ImageProcessor",
            "crop_to_patches": False,
            "min_patches": 1,
            "max_patches": 1,
        },
        "video_preprocessor_config.json": {
            **pixels,
            "video_processor_type": "InternVLVideoProcessor",
            "do_sample_frames": True,
            "num_frames": settings.frames,
        },
        "processor_config.json": {
            "processor_class": "InternVLProcessor",
            "image_seq_length": settings.tokens_a_frame,
        },
    }
