"""Checkpoints that their authors published as one file: where they lie, and what identifies them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from leitmotif.weights.files import HubRepo, UrlFile, models_dir
from leitmotif.weights.resolve import FETCH, BadModel, revision_of


@dataclass(frozen=True)
class Checkpoint:
    """One published file of weights.

    Attributes:
        model: Name of the model; the id of its repository on the Hugging Face Hub where `on_hub`.
        revision: Commit on the hub, or the record elsewhere.
        file: Name of the file.
        size_bytes: Size of the file.
        sha256: Checksum of the file, in hex.
        url: Where it is downloaded from.
        settings: The settings that name another place, one a stage.
        on_hub: Whether it is loaded by its hub id.
    """

    model: str
    revision: str
    file: str
    size_bytes: int
    sha256: str
    url: str
    settings: tuple[str, ...]
    on_hub: bool = False

    @property
    def files(self) -> HubRepo | UrlFile:
        """What is fetched."""
        if not self.on_hub:
            return UrlFile(self.url, self.file, self.sha256, self.size_bytes)
        only = (self.file,)
        checksums = {self.file: self.sha256}
        return HubRepo(self.model, self.revision, self.size_bytes, files=only, needs=only, sha256=checksums)

    def locate(self, where: str | None) -> Path | str:
        """Return the file, or the hub id that it is to be loaded by.

        Args:
            where: A file, a folder that holds it, or a hub id; None for the folder of fetched models, then
                the hub.

        Raises:
            BadModel: There is no such file.
        """
        if where is None:
            fetched = models_dir() / self.file
            if fetched.is_file() or not self.on_hub:
                return self._checked(fetched)
            return self.model
        path = Path(where).expanduser()
        local = path.exists() or path.is_absolute() or where.startswith((".", "~")) or where.count("/") != 1
        if local or not self.on_hub or path.suffix:
            return self._checked(path / self.file if path.is_dir() else path)
        return where

    def name(self, where: str | None, revision: str | None = None) -> str:
        """Return `model@revision` of what `locate` finds: a file's checksum, a hub id's commit.

        Raises:
            BadModel: There is no such file.
        """
        source = self.locate(where)
        if isinstance(source, Path):
            return f"{self.model}@{revision_of(source, None, None)}"
        return f"{source}@{revision or (self.revision if source == self.model else 'main')}"

    def _checked(self, path: Path) -> Path:
        if not path.is_file():
            raise BadModel(
                f"got no weights of {self.model} at {str(path)!r}; expected {self.file} "
                f"({self.size_bytes >> 20} MiB, {self.url}): {FETCH}, or say where the file is by "
                f"{' '.join(f'--set {name}=PATH' for name in self.settings)}"
            )
        return path
