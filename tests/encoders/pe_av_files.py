"""PE-AV as transformers writes it, with a few random weights, and a stand-in for timm's network."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from transformers import PeAudioVideoConfig, PeAudioVideoModel
from transformers.models.pe_video import modeling_pe_video
from transformers.models.timm_wrapper.configuration_timm_wrapper import TimmWrapperConfig

from leitmotif.encoders import pe_av
from leitmotif.encoders.pe_av import PeAvEncoder
from leitmotif.encoders.tokenizers import train_tokenizer

SIDE = 16
TEXTS = ["a calm piano piece", "loud rock with drums and a few more words", "qwertz"]


class Tower(nn.Module):
    """What timm's network does: pictures (n, 3, side, side) become class logits (n, classes)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.timm_model = nn.Conv2d(3, classes, 4, 4)

    def forward(self, pictures: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(logits=self.timm_model(pictures).mean((2, 3)))


def stand_in_for_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have networks built with a tower of ours, as if timm were installed, and short windows heard."""
    towers = SimpleNamespace(from_config=lambda config: Tower(config.num_labels))
    monkeypatch.setattr(modeling_pe_video, "AutoModelForImageClassification", towers)
    monkeypatch.setattr(pe_av, "find_spec", lambda name: name)
    monkeypatch.setattr(pe_av, "WINDOW_S", 0.4)
    monkeypatch.setattr(PeAvEncoder, "window_s", 0.4)


def save_random_pe_av(folder: Path) -> None:
    torch.manual_seed(0)
    tokenizer = train_tokenizer(TEXTS, style="roberta", size=300)
    tower = {
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "head_dim": 8,
    }
    ends = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("pad", "bos", "eos")}
    config = PeAudioVideoConfig(
        text_config={
            "model_type": "modernbert",
            **{name: tower[name] for name in tower if name != "head_dim"},
            **ends,
            "cls_token_id": tokenizer.bos_token_id,
            "sep_token_id": tokenizer.eos_token_id,
            "vocab_size": len(tokenizer),
        },
        audio_video_config={
            **tower,
            "audio_config": {
                **tower,
                "dac_config": {
                    "encoder_hidden_size": 4,
                    "codebook_dim": 8,
                    "hidden_size": 32,
                    "downsampling_ratios": [2, 8, 10, 12],
                },
            },
            "video_config": {
                **tower,
                "vision_config": TimmWrapperConfig(architecture="vit_pe_core_large_patch14_336"),
            },
        },
    )
    net = PeAudioVideoModel(config)
    with torch.no_grad():
        for weight in net.parameters():
            weight.add_(torch.randn_like(weight) * 0.1)
    net.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    settings = {"size": {"height": SIDE, "width": SIDE}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (folder / "video_preprocessor_config.json").write_text(json.dumps(settings))
