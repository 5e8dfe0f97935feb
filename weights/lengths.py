"""How long the embeddings of a model are, without loading it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leitmotif.weights.files import CHECKPOINTS
from leitmotif.weights.published import DIMS, LAION_FILE_DIM, pinned
from leitmotif.weights.resolve import BadModel, resolve_model

# What CLIPConfig, ClapConfig and SiglipVisionConfig of transformers mean where a file does not say it.
_PROJECTION_DIM, _SIGLIP_DIM = 512, 768


def embedding_length(model: str, revision: str | None = None) -> int | None:
    """Return the length of a model's embeddings.

    Args:
        model: One that ships, a folder, a checkpoint file of LAION, or a hub id.
        revision: Revision of a hub id.

    Returns:
        None of a model that is neither known nor here.
    """
    if model in DIMS:
        return DIMS[model]
    try:
        source = resolve_model(model, files=CHECKPOINTS)
    except BadModel:
        return None
    if isinstance(source, Path):
        return LAION_FILE_DIM if source.is_file() else _of_config(source / "config.json")
    return _in_cache(source, revision)


def _in_cache(model: str, revision: str | None) -> int | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(model, "config.json", revision=pinned(model, revision))
    except HFValidationError:
        return None
    return _of_config(Path(found)) if isinstance(found, str) else None


def _of_config(path: Path) -> int | None:
    try:
        config: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if config.get("model_type") == "siglip":
            return int(config.get("vision_config", {}).get("hidden_size", _SIGLIP_DIM))
        return int(config.get("projection_dim", _PROJECTION_DIM))
    except (OSError, ValueError, AttributeError, TypeError):
        return None
