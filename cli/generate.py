"""Make music for films, pictures or texts, by a trained model that follows music of a dataset or of yours."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leitmotif.cli import console, generate_follow, generate_sounds, generate_sva
from leitmotif.cli.exits import Exit
from leitmotif.cli.progress import progress

if TYPE_CHECKING:
    from leitmotif.generators.bridges.bridges import Bridges
    from leitmotif.generators.bridges.find import Wish
    from leitmotif.generators.bridges.output import Place
    from leitmotif.pipelines.generating import MusicMaker

EXAMPLE = "leitmotif generate --video my-video.mp4 --model my-generator/ --dataset my-dataset/ --out my.wav"
ECMG = "ecmg"
# What says which bridges are looked for; a record that is given has them already.
_LOOKED_FOR = ("video", "image", "text", "reference", "describe", "genre", "mood", "instrument", "tempo")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--backend",
        default=ECMG,
        metavar="NAME",
        help=f"{ECMG}: a generator of yours (--model); {generate_sva.BACKEND}: music and effects for a film; "
        "or what makes sounds of --text, by its name in `leitmotif doctor`",
    )
    parser.add_argument("--video", action="append", default=[], type=Path, metavar="FILE", help="a film")
    parser.add_argument("--image", action="append", default=[], type=Path, metavar="FILE", help="a picture")
    parser.add_argument(
        "--text",
        action="append",
        default=[],
        metavar="TEXT",
        help="what the music is to be like; these three may be repeated",
    )
    parser.add_argument(
        "--model",
        type=Path,
        metavar="RUN",
        help="what `leitmotif train ecmg` wrote; of another backend a hub id or a folder",
    )
    parser.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="FILE",
        help="a .wav or .flac, beside which the bridges stand as .json; of several pieces a folder",
    )
    parser.add_argument(
        "--dataset", type=Path, metavar="DATASET", help="an indexed dataset: music to follow is found in it"
    )
    parser.add_argument(
        "--index", type=Path, metavar="FOLDER", help="its index, where it is not index/ in the dataset"
    )
    parser.add_argument(
        "--describe",
        metavar="RUN",
        help="what `leitmotif train mmdm` wrote: says the text; for sva also words",
    )
    parser.add_argument("--reference", type=Path, metavar="FILE", help="music of yours to follow instead")
    parser.add_argument("--genre", metavar="LABEL", help="a genre that the music is to have")
    parser.add_argument("--mood", metavar="LABEL", help="a mood")
    parser.add_argument("--instrument", metavar="LABEL", help="an instrument")
    parser.add_argument("--tempo", metavar="CLASS", help="slow, medium or fast")
    parser.add_argument(
        "--bridges", action="append", type=Path, metavar="FILE", help="make music of bridges once more"
    )
    parser.add_argument(
        "--bridges-only", action="store_true", help="find the bridges and write them to --out, a .json"
    )
    parser.add_argument(
        "--mux", type=Path, metavar="FILE", help="write the film with the music, too; of several a folder"
    )
    parser.add_argument(
        "--seconds", type=float, metavar="S", help="length (the film's, or the longest that the model makes)"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="another one gives another piece (0)")
    parser.add_argument(
        "--count", type=int, default=1, metavar="N", help="so many pieces of each, with seeds that rise (1)"
    )
    parser.add_argument("--strength", type=float, metavar="W", help="how much music is followed (1)")
    parser.add_argument("--steps", type=int, metavar="N", help="from noise to sound (the run's)")
    parser.add_argument("--cfg", type=float, metavar="W", help="how much all is followed (the run's)")
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:1 … or auto")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if an input could not be used")
    generate_sva.add_arguments(parser)
    generate_sounds.add_arguments(parser)
    generate_follow.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Have the backend make what is asked for, and return the exit code."""
    from leitmotif.assignments import known
    from leitmotif.generators.backends import descriptions

    sounds = descriptions()
    backend = known("backend", options.backend, (ECMG, generate_sva.BACKEND, *sounds))
    defaults = _defaults()
    others = (*generate_sva.OWN, *generate_sounds.OWN, *generate_follow.OWN)
    taken: Sequence[str] = [name for name in vars(defaults) if name not in others]
    make = _make_music
    if backend == generate_sva.BACKEND:
        taken, make = generate_sva.TAKEN, generate_sva.score
    elif backend == generate_follow.BACKEND and options.follow:
        taken, make = generate_follow.TAKEN, generate_follow.make
    elif backend in sounds:
        taken, make = generate_sounds.TAKEN, generate_sounds.make
    _check_options(options, defaults, taken)
    return make(options)


def _defaults() -> argparse.Namespace:
    """Return the options as they are where none is typed."""
    parser = argparse.ArgumentParser(add_help=False)
    add_arguments(parser)
    return parser.parse_args(["--out", "."])


def _check_options(options: argparse.Namespace, defaults: argparse.Namespace, taken: Sequence[str]) -> None:
    """Refuse options that the backend knows nothing of.

    Args:
        options: What was typed.
        defaults: What stands where nothing is.
        taken: The options that it knows.

    Raises:
        UserError: There are others.
    """
    from leitmotif.storage.errors import UserError

    for name, value in vars(defaults).items():
        if name not in taken and getattr(options, name) != value:
            option = f"--{name.replace('_', '-')}"
            raise UserError(f"got {option}, which --backend {options.backend} does not know; leave it out")


def _make_music(options: argparse.Namespace) -> int:
    """Find the bridges of every piece, make and write it, return the exit code."""
    from leitmotif.pipelines.describing import one_line_errors
    from leitmotif.storage.errors import UserError
    from leitmotif.storage.places import check_place

    started = time.monotonic()
    with one_line_errors():
        if options.count < 1:
            raise UserError(f"--count is {options.count}; expected 1 or more")
        for place in filter(None, (options.out, options.mux)):
            check_place(place)
        named = list(_named(options))
        _check_names(options, named)
        with _maker(options, named) as maker:
            failed: list[dict[str, str]] = []
            found = _find(options, maker, named, failed)
            pieces = _make(options, maker, found) if not options.bridges_only else _write(options, found)
    if options.json:
        seconds = round(time.monotonic() - started, 2)
        console.print_json({"pieces": pieces, "failed": failed, "seconds": seconds})
    return Exit.STRICT if options.strict and failed else Exit.DONE


def _named(options: argparse.Namespace) -> Iterator[tuple[str, Wish | Bridges]]:
    """Yield what music is made for, with a name for its files.

    Raises:
        UserError: The options do not go together.
    """
    from leitmotif.generators.bridges.bridges import read_bridges
    from leitmotif.generators.bridges.find import Wish
    from leitmotif.storage.errors import UserError

    if options.bridges:
        if given := [name for name in _LOOKED_FOR if getattr(options, name)]:
            raise UserError(
                f"got --bridges and --{given[0]}; the file says all that was found: edit it, or leave it out"
            )
        for path in options.bridges:
            yield path.stem, read_bridges(path)
        return
    if options.model is None:
        raise UserError(
            "got no --model; give a run of `leitmotif train ecmg`, or make music without one by "
            "`leitmotif score`"
        )
    names = ("reference", "genre", "mood", "instrument", "tempo", "seconds")
    beside: dict[str, Any] = {name: getattr(options, name) for name in names}
    beside |= {"seed": options.seed or 0}
    if options.strength is not None:
        beside["strength"] = options.strength
    files = [("video", path) for path in options.video] + [("image", path) for path in options.image]
    if files and len(options.text) > 1:
        raise UserError(
            f"got {len(options.text)} texts for {len(files)} files; give one for all of them, or none"
        )
    if options.text and options.describe:
        raise UserError("got --text and --describe; both say what the music is to be like: give one of them")
    text = options.text[0] if options.text else None
    for kind, path in files:
        yield path.stem, Wish(**{**beside, kind: path, "text": text})
    for text in () if files else options.text:
        yield "text", Wish(**beside, text=text)
    if not files and not options.text:
        yield options.reference.stem if options.reference else "music", Wish(**beside)


def _check_names(options: argparse.Namespace, named: Sequence[tuple[str, Wish | Bridges]]) -> None:
    """Refuse names that no piece can be written to, before a model is loaded.

    Raises:
        UserError: A name does not fit.
    """
    from leitmotif.generators.bridges.bridges import Bridges
    from leitmotif.generators.bridges.output import places

    films = [each.given.video if isinstance(each, Bridges) else each.video for _, each in named]
    found = [None if film is None else Path(film) for film in films for _ in range(options.count)]
    names = [name for name, _ in named for _ in range(options.count)]
    places(names, options.out, options.mux, found, record=options.bridges_only)


def _maker(options: argparse.Namespace, named: Sequence[tuple[str, Wish | Bridges]]) -> MusicMaker:
    """Return the maker; of bridges that are given, their model is taken, and their dataset.

    Raises:
        UserError: A folder is not what it is to be, or the bridges are of several models or datasets.
    """
    from leitmotif.generators.bridges.bridges import Bridges
    from leitmotif.pipelines.generating import MusicMaker
    from leitmotif.storage.errors import UserError
    from leitmotif.weights.device import checked_device

    model, dataset = options.model, options.dataset
    given = [each for _, each in named if isinstance(each, Bridges)]
    for option, values in (
        ("model", {each.model.run for each in given}),
        ("dataset", {each.dataset for each in given if each.dataset is not None}),
    ):
        if len(values) > 1 and getattr(options, option) is None:
            raise UserError(f"got bridges of {len(values)} {option}s; give --{option}, or them one by one")
        if values and option == "model":
            model = model or Path(values.pop())
        elif values:
            dataset = dataset or Path(values.pop())
    maker = MusicMaker(
        model,
        dataset=dataset,
        index=options.index,
        describe=None if options.describe is None else Path(options.describe),
        device=checked_device(options.device),
    )
    for each in given:
        if options.model is None and each.model.revision != maker.model.facts.revision:
            maker.close()
            raise UserError(
                f"{each.model.run!r} holds {maker.model.facts.revision} now, and the bridges were of "
                f"{each.model.revision}: the music would be another; take it nevertheless by --model"
            )
    return maker


def _find(
    options: argparse.Namespace,
    maker: MusicMaker,
    named: Sequence[tuple[str, Wish | Bridges]],
    failed: list[dict[str, str]],
) -> list[tuple[Bridges, Place]]:
    """Return the bridges of every piece and where it goes; tell of inputs of which there are none."""
    from leitmotif.generators.bridges.bridges import Bridges
    from leitmotif.storage.errors import UserError

    made: list[tuple[str, Bridges]] = []
    for name, each in named:
        try:
            bridges = each if isinstance(each, Bridges) else _found(maker, each)
        except UserError as error:
            if len(named) == 1:
                raise
            failed.append({"input": name, "message": str(error)})
            console.print_error(f"leitmotif: {error}")
            continue
        changes = {name: getattr(options, name) for name in ("seed", "seconds", "strength", "steps")}
        bridges = bridges.changed(guidance=options.cfg, model=maker.model.facts, **changes)
        made += [(name, bridges.changed(seed=bridges.seed + more)) for more in range(options.count)]
    if not made:
        raise UserError(f"none of {len(named)} inputs could be used", {"failed": failed})
    return _placed(options, maker, made)


def _found(maker: MusicMaker, wish: Wish) -> Bridges:
    found = maker.find(wish)
    for note in found.notes:
        console.print_error(f"note: {note}")
    return found.bridges


def _placed(
    options: argparse.Namespace, maker: MusicMaker, made: Sequence[tuple[str, Bridges]]
) -> list[tuple[Bridges, Place]]:
    """Return where every piece goes, once it is known that it can go there."""
    from leitmotif.generators.bridges.output import check_film, check_outputs, places

    films = [None if bridges.given.video is None else Path(bridges.given.video) for _, bridges in made]
    found = places([name for name, _ in made], options.out, options.mux, films, record=options.bridges_only)
    for (_, bridges), place, film in zip(made, found, films, strict=True):
        given = bridges.given
        inputs = [Path(each) for each in (given.video, given.image, given.reference) if each is not None]
        check_outputs(place, inputs, record=options.bridges_only)
        if place.film is not None and film is not None:
            check_film(film, place.film.suffix, maker.worker)
    return [(bridges, place) for (_, bridges), place in zip(made, found, strict=True)]


def _make(
    options: argparse.Namespace, maker: MusicMaker, found: Sequence[tuple[Bridges, Place]]
) -> list[dict[str, Any]]:
    """Make and write every piece, and return what is told of it."""
    from leitmotif.generators.bridges.output import write_piece

    pieces = []
    total = sum(bridges.steps for bridges, _ in found)
    done = 0
    with progress() as tell:

        def on_step(step: int) -> None:
            tell("generate", done + step, total)

        for bridges, place in found:
            audio = maker.make(bridges, on_step)
            done += bridges.steps
            film = None if bridges.given.video is None else Path(bridges.given.video)
            written = write_piece(place, audio, bridges, maker.worker, film=film, device=maker.device)
            pieces.append(_told(written, place))
    if not options.json:
        for (bridges, place), told in zip(found, pieces, strict=True):
            _print_piece(bridges, [told["file"], *([told["film"]] if place.film else ())])
    return pieces


def _write(options: argparse.Namespace, found: Sequence[tuple[Bridges, Place]]) -> list[dict[str, Any]]:
    """Write the bridges of every piece, and return what is told of them."""
    from leitmotif.generators.bridges.bridges import write_bridges

    for bridges, place in found:
        place.record.absolute().parent.mkdir(parents=True, exist_ok=True)
        write_bridges(place.record, bridges)
        if not options.json:
            _print_piece(bridges, [str(place.record)])
    return [{"record": str(place.record), **bridges.facts()} for bridges, place in found]


def _told(bridges: Bridges, place: Place) -> dict[str, Any]:
    film = None if place.film is None else str(place.film)
    return {"file": str(place.sound), "record": str(place.record), "film": film, **bridges.facts()}


def _print_piece(bridges: Bridges, files: Sequence[str]) -> None:
    print(f"{' '.join(files)}: {bridges.seconds:.1f} s, seed {bridges.seed}")
    wanted = ", ".join(f"{kind} {value}" for kind, value in bridges.attributes.items())
    print(f"  text      {bridges.text or '(none)'} ({bridges.text_from})")
    if wanted:
        print(f"  wanted    {wanted}")
    for name, track in (("broad", bridges.broad), ("targeted", bridges.targeted)):
        if track is not None:
            print(f"  {name:<9} {track.name}: {'; '.join(track.reasons)}")
