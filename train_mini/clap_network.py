"""The network of clap-mini: `ClapModel`, small enough for a CPU, and the losses that it is trained with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import ClapConfig, ClapModel, PreTrainedTokenizerFast

from leitmotif.train_mini.corpus import MELS
from leitmotif.train_mini.prompts import KINDS
from leitmotif.train_mini.targets import Targets

MAX_LOGIT_SCALE = 50.0
# How much a label of a kind weighs, beside 1 for the others: instruments are what a clip is tagged with most.
KIND_WEIGHTS = {"instrument": 2.0}


def make_clap(
    tokenizer: PreTrainedTokenizerFast, *, width: int = 64, depths: Sequence[int] = (2, 2, 2)
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
            "patch_size": [8, 8],
            "patch_stride": [8, 8],
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
    mark_positions(model)
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

    Levels differ by tens of dB between recordings, spectra of instruments by a few; filters drawn at random
    mostly measure the former.
    """
    shape = proj.weight[: 3 * len(proj.weight) // 4]
    shape -= shape.mean(dim=(1, 2, 3), keepdim=True)
    shape *= 3.0


@torch.no_grad()
def mark_positions(model: ClapModel) -> None:
    """Write into every patch where on the frequency axis it lies.

    HTSAT has no absolute positions and ends in a mean over all patches: a low note and a high one look
    alike. The bias that it learns for each band can hold them: each patch of bands gets its own pattern,
    orthogonal to the level, and three filters read the patterns.
    """
    encoder = model.audio_model.audio_encoder
    filters = encoder.patch_embed.proj.weight  # (width, 1, bands, frames)
    bands, frames = filters.shape[2], filters.shape[3]
    # The three quickest cosines over the bands of a patch: what a smooth spectrum has least of.
    order, band = torch.arange(bands - 3, bands)[:, None], torch.arange(bands)
    patterns = torch.cos(torch.pi * order * (band + 0.5) / bands)
    patterns = patterns / patterns.norm(dim=1, keepdim=True)
    place = torch.linspace(0, 1, MELS // bands)
    codes = torch.stack(
        [2 * place - 1, torch.cos(2 * torch.pi * place), torch.sin(2 * torch.pi * place)], dim=1
    )
    encoder.batch_norm.bias.copy_((1.5 * codes @ patterns).flatten())
    filters[: len(patterns)] = (patterns / frames)[:, None, :, None] * 2


class WhitenedProjection(nn.Module):
    """The audio projection of a model between two batch normalisations, which are folded into it in the end.

    A mean over patches is nearly the same for every clip. Projected as it is, training learns the constant
    first, and every clip ends up at one place of the sphere; normalised, it sees what differs.
    """

    def __init__(self, model: ClapModel) -> None:
        super().__init__()
        self.projection = model.audio_projection
        self.before = nn.BatchNorm1d(self.projection.linear1.in_features, affine=False)
        self.after = nn.BatchNorm1d(self.projection.linear2.out_features, affine=False)

    def forward(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """Return unit rows of what the tower pooled, and that itself, whitened.

        Args:
            pooled: Shape (B, width).

        Returns:
            Embeddings of unit length, shape (B, d), and the whitened input, shape (B, width).
        """
        white = self.before(pooled)
        return functional.normalize(self.after(self.projection(white)), dim=-1), white

    @torch.no_grad()
    def fold(self, pooled: Tensor) -> None:
        """Write both normalisations, measured on these rows, into the projection itself.

        Args:
            pooled: What the tower pools of a few hundred clips, shape (n, width).
        """
        first, second = self.projection.linear1, self.projection.linear2
        mean, scale = pooled.mean(0), (pooled.var(0) + self.before.eps).sqrt()
        first.weight /= scale
        first.bias -= first.weight @ mean
        out = self.projection(pooled)
        mean, scale = out.mean(0), (out.var(0) + self.after.eps).sqrt()
        second.weight /= scale[:, None]
        second.bias.copy_((second.bias - mean) / scale)

    @torch.no_grad()
    def unfold(self, pooled: Tensor) -> None:
        """Take the first normalisation, measured on these rows, out of a projection that it was folded into.

        Args:
            pooled: What the tower pools of a few hundred clips, shape (n, width).
        """
        first = self.projection.linear1
        mean, scale = pooled.mean(0), (pooled.var(0) + self.before.eps).sqrt()
        first.bias += first.weight @ mean
        first.weight *= scale


class ClapLosses(nn.Module):
    """The sum of losses, with what they learn beside the model: a scale and a cosine threshold a kind.

    A label scores `scale * (cosine - threshold)`, so that the threshold is where it is as likely as not. The
    opposed pairs are scored as at inference: a softmax over `logit_scale * cosine`. A plain classifier on the
    audio tower, dropped after training, shows the tower what to tell apart before the texts are in place.
    """

    def __init__(self, kinds: Sequence[str], shares: Tensor, width: int) -> None:
        """Prepare the losses.

        Args:
            kinds: The kind of each label.
            shares: How often each label is true, shape (L,); rare ones weigh more.
            width: Length of what the audio tower pools.
        """
        super().__init__()
        self.classifier = nn.Linear(width, len(kinds))
        nn.init.zeros_(self.classifier.weight)  # or its first guesses would shake a tower that knows already
        self.log_scale = nn.Parameter(torch.tensor(15.0).log())
        self.thresholds = nn.Parameter(torch.full((len(KINDS),), 0.3))
        self.kind_of = torch.tensor([KINDS.index(kind) for kind in kinds])
        weights = torch.tensor([KIND_WEIGHTS.get(kind, 1.0) for kind in kinds])
        self.label_weight = weights / weights.mean()
        self.true_weight = ((1 - shares) / shares.clamp_min(1e-3)).sqrt().clamp(1.0, 5.0)

    def forward(
        self,
        audio: Tensor,
        pooled: Tensor,
        texts: dict[str, Tensor],
        targets: Targets,
        claims: Tensor,
        scale: Tensor,
    ) -> Tensor:
        """Return the loss of a batch.

        Args:
            audio: Embeddings (B, d).
            pooled: What the audio tower pooled, whitened (B, width).
            texts: Embeddings of "labels" (L, d), "voice" (2, d: without, with), "quality" (2, d: clean,
                noisy), "tempo" (3, d), "descriptions" (D, d) of the D clips that have one, in order.
            targets: What is true of the B clips.
            claims: (D, D) 1 where description j (column) is true of described clip i (row).
            scale: Exp(logit_scale_a).
        """
        cosines = audio @ texts["labels"].T
        total = torch.zeros(())
        for logits, share in (
            (self.log_scale.exp().clamp(max=40.0) * (cosines - self.thresholds[self.kind_of]), 6.0),
            (self.classifier(pooled), 4.0),
        ):
            each = functional.binary_cross_entropy_with_logits(
                logits,
                targets.labels,
                weight=targets.labels_weight * self.label_weight,
                pos_weight=self.true_weight,
                reduction="none",
            )
            total = total + share * each.mean()
        for name, wanted, weight, share in (
            ("voice", targets.voice, targets.voice_weight, 0.8),
            ("quality", targets.degraded, targets.degraded_weight, 1.2),
            ("tempo", targets.tempo, targets.tempo_weight, 0.15),
        ):
            errors = functional.cross_entropy(scale * audio @ texts[name].T, wanted.long(), reduction="none")
            total = total + share * (errors * weight).sum() / weight.sum().clamp_min(1.0)
        total = total + 4.0 * _crowding(
            torch.cat([texts[k] for k in ("labels", "voice", "quality", "tempo")])
        )
        described = audio[targets.described > 0]
        return total + 0.4 * contrast(scale * described @ texts["descriptions"].T, claims)


def _crowding(texts: Tensor) -> Tensor:
    """Return the mean squared cosine of different texts, which must not drift to where most clips lie."""
    cosines = texts @ texts.T
    return (cosines - torch.diag(cosines.diagonal())).square().mean()


def contrast(logits: Tensor, claims: Tensor) -> Tensor:
    """Return InfoNCE both ways, in which every true description of a clip counts as right.

    Args:
        logits: Scaled cosines of clips (rows) and descriptions (columns), shape (D, D).
        claims: 1 where a description is true of a clip, shape (D, D).

    Returns:
        A scalar; 0 where there are fewer than two clips, since one alone has nothing to be unlike.
    """
    if len(logits) < 2:
        return logits.sum() * 0.0
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
