"""Opens a codec by name: the one that ships, a folder of a codec, or the codec of a published model."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from pathlib import Path

from leitmotif.extras import needs
from leitmotif.generators.codecs.codec import AudioCodec
from leitmotif.generators.codecs.spectral import CONFIG, MODEL_TYPE, SpectralCodec, read_spectral
from leitmotif.generators.published_layout import INDEX, load_part, part_folder
from leitmotif.storage.documents import read_object
from leitmotif.weights.load import loading
from leitmotif.weights.resolve import SHIPPED, SHIPPED_DIR, BadModel, digest_of_ends

# Classes of diffusers, as the config.json of a codec names them.
OOBLECK, SAME = "AutoencoderOobleck", "AutoencoderSAME"


def open_codec(model: str, device: str = "cpu", *, revision: str | None = None) -> AudioCodec:
    """Return a codec, ready to use.

    Args:
        model: "codec-mini", a folder of an autoencoder, or a model in the layout of Stable Audio Open or of
            Stable Audio 3, whose part `vae` is taken: a folder or a hub id.
        device: Where to; "cpu", "cuda" or "cuda:N".
        revision: Revision of a hub id.

    Raises:
        BadModel: It is missing, incomplete, or none of these.
    """
    folder = SHIPPED_DIR / model if model in SHIPPED else Path(model).expanduser()
    if (folder / INDEX).is_file() or not folder.is_dir():
        folder = part_folder(model, "vae", revision)
    with loading(model, "an audio codec", f"a folder of an {OOBLECK} or {SAME}, or codec-mini"):
        config = read_object(folder / CONFIG)
        if config.get("model_type") == MODEL_TYPE:
            return SpectralCodec(read_spectral(folder).to(device), model, digest_of_ends(folder))
        return _open_of_diffusers(folder, model, device, str(config.get("_class_name")))


def _open_of_diffusers(folder: Path, model: str, device: str, kind: str) -> AudioCodec:
    if kind not in (OOBLECK, SAME):
        raise ValueError(f"its {CONFIG} says {kind!r}")
    if find_spec("diffusers") is None:
        raise BadModel(needs(f"the codec of {model!r}", "diffusers", "generate"))
    import diffusers

    from leitmotif.generators.codecs.oobleck import OobleckCodec
    from leitmotif.generators.codecs.same import SameCodec

    with warnings.catch_warnings():
        # diffusers 0.42 makes its layers by torch's older function of the same result.
        warnings.filterwarnings("ignore", message=".*weight_norm.* is deprecated", category=FutureWarning)
        net = load_part(getattr(diffusers, kind), folder)
    net = net.eval().requires_grad_(False).to(device)
    if kind == SAME:
        return SameCodec(net, model, digest_of_ends(folder))
    return OobleckCodec(net, model, digest_of_ends(folder))
