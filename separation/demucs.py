"""Demucs: drums, bass, other and vocals by a hybrid transformer; the first three are the instrumental."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import demucs.api
import numpy as np
import torch
import yaml
from demucs.apply import BagOfModels, apply_model
from demucs.pretrained import REMOTE_ROOT
from demucs.repo import AnyModelRepo, BagOnlyRepo, LocalRepo

from leitmotif.separation.separator import VOCALS, BadWeights, resample
from leitmotif.storage.digest import sha256_of
from leitmotif.storage.errors import one_line
from leitmotif.weights.files import torch_hub_dir
from leitmotif.weights.resolve import FETCH

MODEL_ID = "htdemucs"
REVISION = "8726e21a"  # of its only file
LICENSE = "MIT (code); weights for research only"
RATE_HZ = 44_100
REFERENCE = "Rouard et al., Hybrid transformers for music source separation, ICASSP 2023, arXiv:2211.08553"
SETTINGS = {"model": None, "repo": None, "overlap": None, "batch": None}
EXTRA = "paper"

CUDA_BATCH = 4
# With more, a sample would lie in three segments, and one fade between two would not do.
MAX_OVERLAP = 0.5


@dataclass(frozen=True)
class WeightsFile:
    """A published file of weights; its name ends in the first eight hex digits of its SHA-256."""

    url: str

    @property
    def path(self) -> Path:
        """Where it is looked for: among the checkpoints of torch hub, where demucs keeps it too."""
        return torch_hub_dir() / self.url.rsplit("/", 1)[-1]

    @property
    def sha256(self) -> str:
        """The first hex digits of its SHA-256."""
        return self.path.stem.rpartition("-")[2]


class DemucsSeparator:
    """Takes stereo mixes apart into the sources of a Demucs model.

    What differs from `demucs.api.Separator`: nothing is ever downloaded. There are no random shifts, so that
    the same mix gives the same stems. Each segment is brought to one level by itself, which lets a track of
    any length be streamed; the network does the same once more, so that this changes next to nothing. A
    segment's constant offset is dropped, where demucs adds it to every stem.

    It computes in float32 on every device, because what comes out is published as sound.

    The constructor holds settings only.
    """

    stems: tuple[str, ...]
    rate_hz: int
    chunk_s: float
    overlap_s: float
    batch: int

    def __init__(
        self,
        *,
        model: str = MODEL_ID,
        repo: str | Path | None = None,
        overlap: float = 0.25,
        batch: int | None = None,
    ) -> None:
        """Take the settings.

        Args:
            model: A published model, like "htdemucs" or "htdemucs_ft", or one of `repo`.
            repo: A folder with NAME.th or NAME-CHECKSUM.th files, and NAME.yaml bags of them. They are
                unpickled, which can run code: give only files that you trust. None: the published models.
            overlap: Share of a segment that the next one covers too, 0..0.5.
            batch: Segments of one track that are computed at once; None is 4 on a GPU and 1 elsewhere.

        Raises:
            ValueError: A number is out of its range.
        """
        if not 0 <= overlap <= MAX_OVERLAP:
            raise ValueError(f"got overlap={overlap}; expected a share of a segment, 0 to {MAX_OVERLAP}")
        if batch is not None and batch < 1:
            raise ValueError(f"got batch={batch}; expected 1 or more")
        self.name = model
        self.repo = None if repo is None else Path(repo).expanduser()
        self.overlap = overlap
        self._batch = batch

    def model(self) -> str:
        """Return the model's name and the checksums of its files, without loading them.

        Raises:
            BadWeights: There is no such model.
        """
        files, bag = _files_of(self.name, self.repo)
        if self.repo is None:
            checksums = [WeightsFile(str(file)).sha256 for file in files]
        else:
            checksums = [_checksum_of(Path(file)) for file in [bag, *files] if file is not None]
        return f"{self.name}@{'+'.join(checksums)}"

    def load(self, device: str = "cpu") -> Self:
        """Load the weights.

        Args:
            device: A torch device, like "cpu" or "cuda:0".

        Raises:
            BadWeights: They are missing, damaged, or not of a stereo model with vocals.
            ValueError: There is no such device.
        """
        net = self._read()
        if net.audio_channels != 2 or VOCALS not in net.sources:
            raise BadWeights(
                f"got demucs model {self.name!r} with {net.audio_channels} channels and the sources "
                f"{', '.join(net.sources)}; expected 2 channels and {VOCALS} among the sources"
            )
        try:
            self._net = net.eval().requires_grad_(False).to(device)
        except (RuntimeError, AssertionError) as error:
            raise ValueError(
                f"got device {device!r} ({one_line(error, 200)}); expected cpu or cuda"
            ) from error
        self._device = torch.device(device)
        self.stems = tuple(net.sources)
        self.rate_hz = int(net.samplerate)
        networks: list[Any] = list(net.models) if isinstance(net, BagOfModels) else [net]
        self._segment = min(int(network.segment * self.rate_hz) for network in networks)
        self.chunk_s = self._segment / self.rate_hz
        shared = self._segment - int((1 - self.overlap) * self._segment)  # as demucs rounds it
        self.overlap_s = min(shared, self._segment / 2) / self.rate_hz
        self.batch = self._batch or (CUDA_BATCH if self._device.type == "cuda" else 1)
        return self

    def _read(self) -> Any:
        """Return the network: a model, or a bag of them."""
        if self.repo is None:
            files = weights(self.name)
            if missing := [file.path.name for file in files if not file.path.is_file()]:
                raise BadWeights(
                    f"got no weights of demucs model {self.name!r} ({', '.join(missing)} not in "
                    f"{str(files[0].path.parent)!r}); {FETCH}, or set "
                    "separation.repo to a folder that holds them"
                )
            folder, bags = files[0].path.parent, REMOTE_ROOT
        else:
            _files_of(self.name, self.repo)
            folder = bags = self.repo
        with _one_line_errors(self.name, folder):
            local = LocalRepo(folder)
            return AnyModelRepo(local, BagOnlyRepo(bags, local)).get_model(self.name)

    def separate(self, mixes: np.ndarray, rate_hz: int) -> np.ndarray:
        """Return the stems of stereo mixes.

        Args:
            mixes: Shape (mixes, 2, n), float32, n >= 1. What is longer than `chunk_s` is cut into segments.
            rate_hz: Sampling rate; sound of another rate than the model's is resampled, and the stems back.

        Returns:
            Shape (mixes, stems, 2, n), float32; silence for a mix that is constant.

        Raises:
            MemoryError: The GPU has too little memory for the mixes given at once.
        """
        if not hasattr(self, "_net"):
            raise RuntimeError("got a separator without weights; expected load(device) to be called first")
        count, samples = len(mixes), mixes.shape[-1]
        length = max(1, round(samples * self.rate_hz / rate_hz))
        if samples <= round(self.chunk_s * rate_hz):
            length = min(length, self._segment)
        mix = torch.from_numpy(resample(np.asarray(mixes, np.float32), rate_hz, self.rate_hz, length))
        mix = (mix - mix.double().mean(dim=(1, 2), keepdim=True)).float()
        level = mix.std(dim=(1, 2), correction=0)  # (mixes,)
        sounds = level != 0
        stems = torch.zeros(count, len(self.stems), 2, length)
        if sounds.any():
            scale = level[sounds][:, None, None]
            stems[sounds] = self._run(mix[sounds] / scale) * scale[:, None]  # (sounding mixes, stems, 2, n)
        return resample(stems.numpy(), self.rate_hz, rate_hz, samples)

    def _run(self, mix: torch.Tensor) -> torch.Tensor:
        """Return the stems, (mixes, stems, 2, n), of mixes at the model's rate, (mixes, 2, n), on the CPU."""
        try:
            with torch.inference_mode():
                stems = apply_model(
                    self._net,
                    mix,
                    shifts=0,
                    split=mix.shape[-1] > self._segment,
                    overlap=self.overlap,
                    device=self._device,
                )
            return stems.cpu()
        except torch.OutOfMemoryError as error:
            raise MemoryError(
                f"device {str(self._device)!r} has too little memory for {len(mix)} segments of "
                f"{self.name!r} at once; set separation.batch to less"
            ) from error


def weights(model: str = MODEL_ID) -> list[WeightsFile]:
    """Return the files of a published model.

    Raises:
        BadWeights: There is no such model.
    """
    return [WeightsFile(str(url)) for url in _files_of(model, None)[0]]


def _files_of(model: str, repo: Path | None) -> tuple[list[Any], Path | None]:
    """Return the files of a model (URLs where there is no repo), and the bag that names them if one does."""
    if repo is not None and not repo.is_dir():
        raise BadWeights(f"got demucs repo {str(repo)!r}; expected a folder with NAME.th files")
    with _one_line_errors(model, repo):
        known: Mapping[str, Mapping[str, Any]] = demucs.api.list_models(repo)
        singles, bags = known["single"], known["bag"]
        if model in singles:
            return [singles[model]], None
        if model not in bags:
            raise BadWeights(
                f"got demucs model {model!r}{_in(repo)}; expected one of "
                f"{', '.join(sorted(bags) or sorted(singles)) or 'NAME.th and NAME.yaml'}"
            )
        signatures = dict.fromkeys(yaml.safe_load(bags[model].read_text(encoding="utf-8"))["models"])
        if missing := [name for name in signatures if name not in singles]:
            raise BadWeights(
                f"got demucs bag {model!r}{_in(repo)} that lacks {', '.join(missing)}; add the .th files"
            )
        return [singles[name] for name in signatures], bags[model]


def _checksum_of(path: Path) -> str:
    """Return the checksum that a file carries in its name, and that demucs verifies, else its own."""
    if path.suffix == ".th" and "-" in path.stem:
        return path.stem.rpartition("-")[2]
    return sha256_of(path)[:8]


@contextmanager
def _one_line_errors(model: str, folder: Path | None) -> Iterator[None]:
    """Turn whatever demucs, pickle or torch say of files they cannot read into one `BadWeights`."""
    try:
        yield
    except (BadWeights, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        # Demucs ends the process where a quantised model needs the package diffq.
        reason = "it needs `pip install diffq`" if isinstance(error, SystemExit) else one_line(error, 200)
        raise BadWeights(
            f"got demucs model {model!r}{_in(folder)}, which does not load ({reason}); expected whole files "
            "as demucs saves them; delete the damaged one and fetch or copy it again"
        ) from error


def _in(folder: Path | None) -> str:
    return "" if folder is None else f" in {str(folder)!r}"


SEPARATOR = DemucsSeparator
