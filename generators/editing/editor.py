"""Edits a recording by an instruction: reads, listens, separates, adds, writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leitmotif.generators.backends import facts_of, open_generator
from leitmotif.generators.editing.additions import Added, Heard, add_sound, added_name, is_instrument, listen
from leitmotif.generators.editing.edit import VOCALS, Edit
from leitmotif.generators.editing.levels import Changed, Placed, change_stems, change_whole, is_whole, place
from leitmotif.generators.editing.output import check_out, write_edited
from leitmotif.generators.editing.recording import Recording, open_recording
from leitmotif.generators.editing.stems import needs_stems, open_separator, stems_of, usual_separator
from leitmotif.generators.text_to_audio.text_to_audio import TextToAudio
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.separation.separator import Separator, heard_db
from leitmotif.storage.errors import UserError

# Without weights, on any machine.
INSTRUMENTS, EFFECTS = "arranger", "sound-effects"
OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What edits are made with.

    Attributes:
        separator: A file of `separation`; None is what works here.
        separator_model: Another model than its own.
        backend: The text-to-audio backend that plays what is added.
        model: Another model than its own.
        seed: Of what is added.
        device: "cpu", "cuda" …
    """

    separator: str | None = None
    separator_model: str | None = None
    backend: str = INSTRUMENTS
    model: str | None = None
    seed: int = 0
    device: str = "cpu"


class Editor:
    """Edits recordings; models are loaded once. A context manager.

    Args:
        tools: What it works with.
        opens: Opens text-to-audio backends, in place of `open_generator`.
    """

    def __init__(self, tools: Tools, opens: Callable[[str], TextToAudio] | None = None) -> None:
        self.tools, self.worker = tools, SandboxedWorker()
        self._opens = opens or self._open
        self._backends: dict[str, TextToAudio] = {}
        self._separator: Separator | None = None

    def __enter__(self) -> Editor:
        return self

    def __exit__(self, *_: object) -> None:
        self.worker.close()

    def edit(
        self,
        path: Path,
        edits: Sequence[Edit],
        out: Path,
        *,
        instruction: str,
        on_progress: OnProgress = lambda step, done, total: None,
    ) -> dict[str, Any]:
        """Write an edited recording and its record; return the record.

        Args:
            path: The recording, or a film, whose sound is taken.
            edits: What is to be changed, in order: levels first, then what is added.
            out: A .wav or .flac file.
            instruction: The words that the edits were read from.
            on_progress: Is told how far it is.

        Raises:
            UserError: Something cannot be done: nothing is written.
            OSError: The disk refused.
        """
        check_out(out, path)
        self._check(edits)
        with open_recording(path, self.worker) as recording:
            facts = self.apply(recording, edits, on_progress)
            return write_edited(out, recording, {"instruction": instruction, "source": str(path), **facts})

    def apply(
        self,
        recording: Recording,
        edits: Sequence[Edit],
        on_progress: OnProgress = lambda step, done, total: None,
    ) -> dict[str, Any]:
        """Change a recording in its place, and return what was done, for the record.

        Raises:
            UserError: Something cannot be done.
        """
        placed = place(edits, recording)
        additions = [each for each in placed if each.edit.action in ("add", "replace")]
        heard = [listen(recording, each) for each in additions]  # before anything is taken out
        parts = [each for each in placed if each.edit.gain_db is not None and not is_whole(each.edit)]
        changed = None
        if parts:
            separator, name = self._opened_separator()
            changed = change_stems(
                recording,
                parts,
                separator,
                name,
                lambda share: on_progress("separate", round(100 * share), 100),
            )
        change_whole(
            recording, [each for each in placed if each.edit.gain_db is not None and is_whole(each.edit)]
        )
        added = self._add(recording, additions, heard, parts, changed, on_progress)
        return {
            "edits": [
                {
                    **each.edit.facts(),
                    "start_s": round(each.start / recording.rate_hz, 3),
                    "end_s": round(each.end / recording.rate_hz, 3),
                }
                for each in placed
            ],
            "separator": None if changed is None else self._opened_separator()[0].model(),
            "voice_db": None if changed is None else round(changed.voice_db, 1),
            "voice_heard": self._voice_heard(parts, changed),
            "added": [{**each.facts(), "model": self._facts(each.backend)} for each in added],
        }

    def _add(
        self,
        recording: Recording,
        additions: Sequence[Placed],
        heard: Sequence[Heard],
        parts: Sequence[Placed],
        changed: Changed | None,
        on_progress: OnProgress,
    ) -> list[Added]:
        added = []
        for number, (each, music) in enumerate(zip(additions, heard, strict=True)):
            name = self._backend_name(each.edit)
            level_db = changed.levels_db[list(parts).index(each)] if changed and each in parts else None
            backend = self._opened(name)
            seed = self.tools.seed + number
            added.append(add_sound(recording, each, music, backend, name=name, seed=seed, level_db=level_db))
            on_progress("add", number + 1, len(additions))
        return added

    def _check(self, edits: Sequence[Edit]) -> None:
        """Open everything that edits need, before a recording is decoded.

        Raises:
            UserError: Something is missing, or cannot be done.
        """
        if styles := [edit for edit in edits if edit.action == "restyle"]:
            raise UserError(
                f"cannot make {styles[0].target} sound like {styles[0].by}: no model here plays music again "
                "in another style; add or replace an instrument, or change levels"
            )
        if needs_stems(edits):
            separator, name = self._opened_separator()
            for edit in edits:
                if edit.gain_db is not None and not is_whole(edit):
                    stems_of(edit, separator.stems, name)
        for edit in edits:
            if edit.action in ("add", "replace"):
                self._opened(self._backend_name(edit))

    def _voice_heard(self, parts: Sequence[Placed], changed: Changed | None) -> bool | None:
        """Return whether a voice was heard where one was to be changed; None where nothing tells."""
        if changed is None or not any(each.edit.target == VOCALS for each in parts):
            return None
        least_db = heard_db(self._opened_separator()[0])
        return None if least_db is None else changed.voice_db >= least_db

    def _opened_separator(self) -> tuple[Separator, str]:
        name = self.tools.separator or usual_separator()
        if self._separator is None:
            self._separator = open_separator(name, self.tools.separator_model, self.tools.device)
        return self._separator, name

    def _backend_name(self, edit: Edit) -> str:
        if self.tools.backend == INSTRUMENTS and not is_instrument(added_name(edit)):
            return EFFECTS
        return self.tools.backend

    def _opened(self, name: str) -> TextToAudio:
        if name not in self._backends:
            self._backends[name] = self._opens(name)
        return self._backends[name]

    def _open(self, name: str) -> TextToAudio:
        model = self.tools.model if name == self.tools.backend else None
        return open_generator(name, model=model, device=self.tools.device)

    def _facts(self, name: str) -> dict[str, str]:
        return facts_of(name, self.tools.model if name == self.tools.backend else None)
