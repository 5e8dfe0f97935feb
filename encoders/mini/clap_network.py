"""The network of clap-mini: `ClapModel`, small enough for a CPU, and the losses that it is trained with."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import ClapConfig, ClapModel, PreTrainedTokenizerFast

from encoders.mini.corpus import MELS
from encoders.mini.targets import Targets
from encoders.mini.words import KINDS

MAX_LOGIT_SCALE = 50.0


def make_clap(
    tokenizer: PreTrainedTokenizerFast, *, width: int = 48, depths: Sequence[int] = (1, 2, 3)
) -> ClapModel:
    """Return an untrained clap-mini.

    Args:
        tokenizer: Sets the vocabulary of the text tower.
        width: Channels of the first audio stage; every stage doubles it.
        depths: Blocks of each stage.
    """
    config = ClapConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": 96,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 192,
            "max_position_embeddings": tokenizer.model_max_length + 2,
            "hidden_dropout_prob": 0.05,
            "attention_probs_dropout_prob": 0.0,
            "pad_token_id": tokenizer.pad_token_id,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
        },
        audio_config={
            "patch_embeds_hidden_size": width,
            "hidden_size": width * 2 ** (len(depths) - 1),
            "depths": list(depths),
            "num_attention_heads": [width * 2**stage // 16 for stage in range(len(depths))],
            "num_hidden_layers": len(depths),
            "spec_size": 128,
            "num_mel_bins": MELS,
            "window_size": 4,
            "patch_size": [4, 8],
            "patch_stride": [4, 8],
            "num_classes": 4,
            "hidden_dropout_prob": 0.0,
            "drop_path_rate": 0.05,
            "enable_fusion": False,
        },
        projection_dim=128,
    )
    model = ClapModel(config)
    spread_weights(model)
    sharpen_patches(model.audio_model.audio_encoder.patch_embed.proj)
    with torch.no_grad():
        # HTSAT has no absolute positions: a slope over the bands lets it tell a low note from a high one.
        model.audio_model.audio_encoder.batch_norm.bias.copy_(torch.linspace(-1, 1, MELS))
    return model


@torch.no_grad()
def spread_weights(model: nn.Module) -> None:
    """Draw weights by fan-in instead of at 0.02.

    The latter is made for widths of 768 and more; here it leaves every clip, and every text, at about the
    same place of the sphere, and training stands still for thousands of steps.
    """
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=module.in_features**-0.5)
        elif isinstance(module, nn.Conv2d):
            nn.init.trunc_normal_(module.weight, std=module.weight[0].numel() ** -0.5)
        elif isinstance(module, nn.Embedding):
            std = 1.0 if "word" in name or "token_embedding" in name else 0.3 if "position" in name else 0.0
            nn.init.normal_(module.weight, std=std)


@torch.no_grad()
def sharpen_patches(proj: nn.Conv2d) -> None:
    """Let three filters of four see shape only, not level.

    Levels differ by tens of dB between recordings, spectra of instruments by a few; filters drawn at random mostly
    measure the former.
    """
    shape = proj.weight[: 3 * len(proj.weight) // 4]
    shape -= shape.mean(dim=(1, 2, 3), keepdim=True)
    shape *= 3.0


@torch.no_grad()
def centre_projection(model: ClapModel, features: Tensor) -> None:
    """Set the audio projection so that these clips start out spread over the whole sphere.

    A mean over tokens is nearly the same for every clip; without this, learning to see past that mean takes
    most of a short training.

    Args:
        model: Changed in place.
        features: Log-mel features, shape (B, frames, mels), a hundred clips or so.
    """
    norm = model.audio_model.audio_encoder.batch_norm
    norm.running_mean.copy_(features.mean((0, 1)))
    norm.running_var.copy_(features.var((0, 1)))
    model.eval()
    longer = torch.zeros(len(features), 1, dtype=torch.bool)
    pooled = model.audio_model(input_features=features[:, None], is_longer=longer).pooler_output.float()
    first, second = model.audio_projection.linear1, model.audio_projection.linear2
    first.weight /= pooled.std(0).clamp_min(1e-3)
    first.bias.copy_(-first.weight @ pooled.mean(0))
    hidden = model.audio_projection.activation(first(pooled))
    second.bias.copy_(-second.weight @ hidden.mean(0))


class ClapLosses(nn.Module):
    """The sum of losses, with what they learn beside the model: a scale and a cosine threshold a kind.

    A label scores `scale * (cosine - threshold)`, so that the threshold is where it is as likely as not. The
    opposed pairs are scored as at inference: a softmax over `logit_scale * cosine`.
    """

    def __init__(self, kinds: Sequence[str], shares: Tensor) -> None:
        """Prepare the losses.

        Args:
            kinds: The kind of each label.
            shares: How often each label is true, shape (L,); rare ones weigh more.
        """
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(15.0).log())
        self.thresholds = nn.Parameter(torch.full((len(KINDS),), 0.3))
        self.kind_of = torch.tensor([KINDS.index(kind) for kind in kinds])
        self.true_weight = ((1 - shares) / shares.clamp_min(1e-3)).sqrt().clamp(1.0, 5.0)

    def forward(
        self, audio: Tensor, texts: dict[str, Tensor], targets: Targets, claims: Tensor, scale: Tensor
    ) -> Tensor:
        """Return the loss of a batch.

        Args:
            audio: Embeddings (B, d).
            texts: Embeddings of "labels" (L, d), "voice" (2, d: without, with), "quality" (2, d: clean,
                noisy), "tempo" (3, d), "descriptions" (B, d).
            targets: Of the B clips.
            claims: (B, B) 1 where description j (column) is true of clip i (row).
            scale: exp(logit_scale_a).
        """
        cosines = audio @ texts["labels"].T
        logits = self.log_scale.exp().clamp(max=40.0) * (cosines - self.thresholds[self.kind_of])
        each = functional.binary_cross_entropy_with_logits(
            logits,
            targets.labels,
            weight=targets.labels_weight,
            pos_weight=self.true_weight,
            reduction="none",
        )
        total = 6.0 * each.mean()
        for name, wanted, weight, share in (
            ("voice", targets.voice, targets.voice_weight, 0.5),
            ("quality", targets.degraded, targets.degraded_weight, 0.6),
            ("tempo", targets.tempo, targets.tempo_weight, 0.15),
        ):
            errors = functional.cross_entropy(scale * audio @ texts[name].T, wanted.long(), reduction="none")
            total = total + share * (errors * weight).sum() / weight.sum().clamp_min(1.0)
        return total + 0.25 * contrast(scale * audio @ texts["descriptions"].T, claims, targets.described)


def contrast(logits: Tensor, claims: Tensor, described: Tensor) -> Tensor:
    """Return InfoNCE both ways in which every true description of a clip counts as right."""
    rows = described > 0
    if int(rows.sum()) < 2:
        return logits.sum() * 0.0
    logits, claims = logits[rows][:, rows], claims[rows][:, rows]
    both = []
    for scores, right in ((logits, claims), (logits.T, claims.T)):
        both.append(-(functional.log_softmax(scores, dim=1) * right).sum(1) / right.sum(1).clamp_min(1.0))
    return torch.cat(both).mean()


class Average:
    """An exponential moving average of a model's parameters and buffers, slow once it has warmed up."""

    def __init__(self, model: nn.Module, decay: float = 0.998) -> None:
        self.decay = decay
        self.steps = 0
        self.state: dict[str, Any] = {
            name: value.detach().clone() for name, value in model.state_dict().items()
        }

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move the average towards the model."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                self.state[name].lerp_(value.detach(), 1 - decay)
            else:
                self.state[name].copy_(value)


def count_parameters(model: nn.Module) -> int:
    """Return the number of parameters."""
    return sum(p.numel() for p in model.parameters())
