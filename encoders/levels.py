"""Takes a clip's level out of its log-mel features, for models that were trained that way."""

import torch
from torch import Tensor

# Below this mean power a clip is silence: there is nothing to bring to a level.
SILENCE_DB = -90.0


def level_features(features: Tensor, range_db: float) -> Tensor:
    """Return features relative to the clip's own mean power, no deeper than `range_db` below it.

    Recordings differ by tens of dB, and the floor of a digital silence lies 100 dB down; the spectra of two
    instruments differ by a few dB. A small model learns the latter much sooner without the former.

    Args:
        features: Log-mel power in dB, shape (..., frames, mels).
        range_db: Depth that is kept, above 0.

    Returns:
        The same shape; all `-range_db` for silence.
    """
    power_db = 10 * torch.log10(torch.pow(10.0, features / 10).mean(dim=(-2, -1), keepdim=True) + 1e-12)
    levelled = (features - power_db).clamp_min(-range_db)
    return torch.where(power_db < SILENCE_DB, torch.full_like(levelled, -range_db), levelled)
