"""Scoring a film the way of SVA: opens what looks at it, what makes its sounds, and what writes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from leitmotif.generators.backends import descriptions, open_generator
from leitmotif.generators.mixing.mix import Way
from leitmotif.generators.sva import prompts
from leitmotif.generators.sva.frames import Choice, Shown, choose_frames
from leitmotif.generators.sva.output import Film, check_out, open_film, own_sound, write_scored
from leitmotif.generators.sva.record import FrameFacts, OwnSound, Seen, SvaRecord
from leitmotif.generators.sva.scheme import Scheme
from leitmotif.generators.sva.sounds import Open, Voice, make_sounds, planned
from leitmotif.generators.sva.words import effects_in, scheme_of_words
from leitmotif.generators.sva.writer import SchemeWriter, server_at
from leitmotif.media.errors import MediaError
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.pipelines.describing import open_describer
from leitmotif.storage.atomic import temporary_folder
from leitmotif.storage.errors import UserError
from leitmotif.weights.device import resolve_device


class SvaMaker:
    """Scores films; a context manager.

    Attributes:
        worker: The process that reads files of media.
        device: Where models run.
    """

    def __init__(self, *, device: str = "auto", opens: Open | None = None) -> None:
        """Take the settings.

        Args:
            device: "cpu", "cuda", "cuda:N" or "auto".
            opens: Opens text-to-audio backends, in place of `open_generator`.

        Raises:
            UserError: There is no such device.
        """
        self.device, self.worker = resolve_device(device), SandboxedWorker()
        self._opens = opens or open_generator

    def __enter__(self) -> SvaMaker:
        return self

    def __exit__(self, *_: object) -> None:
        self.worker.close()

    def plan(
        self,
        video: Path,
        out: Path,
        *,
        describe: str | None = None,
        server: str | None = None,
        model: str | None = None,
        style: str | None = None,
        frames: Choice = "random",
        effects: Voice,
        music: Voice,
        sound: OwnSound = "replace",
        mix: Way = "safe",
        seed: int = 0,
    ) -> SvaRecord:
        """Look at a film and return what it is to sound like; nothing is made yet.

        Args:
            video: The film.
            out: Where the scored one is to go; it is known before anything is asked that it can.
            describe: Words, or the folder of a run of `leitmotif train mmdm`.
            server: Base URL of an OpenAI-compatible server with a model that sees.
            model: The name under which it is served.
            style: What the user wishes, such as "melancholic".
            frames: Which pictures are looked at.
            effects: What makes the effects.
            music: What makes the music.
            sound: What becomes of the film's own sound.
            mix: "safe" or "paper".
            seed: Of frames, words and sounds.

        Raises:
            UserError: Something does not go together, or nothing of use was said.
            ServerDown: The server does not answer.
        """
        _check_voices(effects, music)
        if seed < 0:
            raise UserError(f"got seed {seed}; expected 0 or more")
        film = self._opened(video, out, sound)
        if describe is not None and server is not None:
            raise UserError("got --describe and --server; both say what the film is to sound like: give one")
        if describe is not None:
            seen, scheme = self._described(film, describe, style, seed)
        elif server is not None and model is not None:
            seen, scheme = self._asked(film, server, model, style, frames, seed)
        else:
            raise UserError(
                "nothing says what the film is to sound like; give words or a run of `leitmotif train mmdm` "
                "(--describe), or a model that sees (--server URL --server-model NAME)"
            )
        return SvaRecord(
            video=str(video.absolute()),
            seconds=film.seconds,
            sound=sound,
            mix=mix,
            seed=seed,
            seen=seen,
            scheme=scheme,
            sounds=planned(scheme, effects, music, seed),
        )

    def make(
        self, record: SvaRecord, out: Path, on_sound: Callable[[int], None] = lambda done: None
    ) -> SvaRecord:
        """Make the sounds of a record, and write the film with them; the same record gives the same bytes.

        Raises:
            UserError: A backend cannot be used, or the film is not what it was.
            OSError: The disk refused.
        """
        film = self._opened(Path(record.video), out, record.sound)
        record = replace(record, seconds=film.seconds, made=None)
        sounds = make_sounds(
            record.sounds, film.seconds, device=self.device, opens=self._opens, on_sound=on_sound
        )
        return write_scored(out, record, sounds, film, self.worker, device=self.device)

    def _opened(self, video: Path, out: Path, sound: OwnSound) -> Film:
        film = open_film(video, self.worker)
        check_out(out, film, self.worker)
        if sound == "refuse":
            with temporary_folder("score") as folder:
                own_sound(film, sound, folder, self.worker)
        return film

    def _asked(
        self, film: Film, server: str, model: str, style: str | None, choice: Choice, seed: int
    ) -> tuple[Seen, Scheme]:
        shown = self._shown(film, choice, seed)
        written = SchemeWriter(server_at(server, model), seed).write([each.picture for each in shown], style)
        seen = Seen(
            by=f"{model} at {server}",
            style=style,
            choice=choice,
            frames=tuple(
                FrameFacts(time_s=each.time_s, number=each.number, of=each.of, sha256=each.sha256)
                for each in shown
            ),
            prompts=f"{prompts.VERSION}@{prompts.digest()}",
            description=written.description,
            key_words=written.key_words,
            questions=written.questions,
        )
        return seen, written.scheme

    def _shown(self, film: Film, choice: Choice, seed: int) -> list[Shown]:
        try:
            return self.worker.run(choose_frames, film.path, choice, seed, limit_s=film.limit_s)
        except MediaError as error:
            raise UserError(f"{str(film.path)!r}: {error}") from error

    def _described(self, film: Film, describe: str, style: str | None, seed: int) -> tuple[Seen, Scheme]:
        run = Path(describe)
        if not run.is_dir():
            scheme = scheme_of_words(describe, style)
            return Seen(by="the user", style=style, description=describe), scheme
        from leitmotif.train_mmdm.inputs import read_input

        describer = open_describer(run, device=self.device, visuals=True, seed=seed)
        shown = read_input(film.path, describer.model.settings.frames, self.worker)
        describer.check(shown)
        answer = describer.describe([shown])[0]
        if not answer.description:
            raise UserError(f"{describe} said nothing of {film.path.name}; give words of your own")
        said = scheme_of_words(answer.description, style)
        heard = effects_in(f"{answer.visuals or ''}, {answer.description}")
        seen = Seen(by=f"the run {describe}", style=style, description=answer.description)
        return seen, replace(said, effects=heard)


def _check_voices(*voices: Voice) -> None:
    """Refuse backends that there are not, before anything is asked.

    Raises:
        UserError: With those that there are.
    """
    known = descriptions()
    for voice in voices:
        if voice.backend not in known:
            raise UserError(f"got backend {voice.backend!r}; expected one of {', '.join(known)}")
