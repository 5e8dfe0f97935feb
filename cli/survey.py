"""Have listeners rate the music of several systems: make a questionnaire, serve it, report."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from leitmotif.cli import console
from leitmotif.phrases import command, count

if TYPE_CHECKING:
    from leitmotif.review.survey.key import Key
    from leitmotif.review.survey.results import Comparison, Results, Score


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of each action."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    make = actions.add_parser(
        "make",
        help="build a blind questionnaire",
        description="Build a blind questionnaire of the clips of several systems.",
        example="leitmotif survey make ours=ours/ theirs=theirs/ --videos videos/ --out survey/",
    )
    make.add_argument(
        "system",
        nargs="+",
        metavar="[NAME=]FOLDER",
        help="the clips of a system",
    )
    make.add_argument("--out", required=True, type=Path, metavar="SURVEY", help="the survey's folder")
    make.add_argument("--videos", type=Path, metavar="DIR", help="the videos that the music was made for")
    make.add_argument("--prompts", type=Path, metavar="DIR", help="the texts (NAME.txt) it was made for")
    make.add_argument(
        "--questions",
        default="",
        metavar="MP,EC,…",
        help="which to ask (default: MP,EC,TC,RC of videos; MP,TMA of texts)",
    )
    make.add_argument("--title", default="Listening test", help="what participants read on top")
    make.add_argument(
        "--participants", type=int, default=64, metavar="N", help="balanced orders to draw (default: 64)"
    )
    make.add_argument("--clips", type=int, metavar="N", help="clips of each participant (default: all)")
    make.add_argument("--seed", type=int, default=0, metavar="N", help="another seed gives other orders")
    serve = actions.add_parser(
        "serve",
        help="put it on the web, and collect responses",
        description="Put a questionnaire on the web, and store the responses.",
        example="leitmotif survey serve survey/",
    )
    serve.add_argument("survey", type=Path, metavar="SURVEY", help="the survey's folder")
    serve.add_argument(
        "--host", default="127.0.0.1", help="address to listen at; 0.0.0.0 for all (default: 127.0.0.1)"
    )
    serve.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="NAME",
        help="a name under which participants reach it, where a proxy or DNS gives it one (may be repeated)",
    )
    serve.add_argument("--port", type=int, default=8000, metavar="PORT", help="(default: 8000)")
    report = actions.add_parser(
        "report",
        help="means, intervals and tests",
        description="Print means with intervals, paired tests and agreement of the responses.",
        example="leitmotif survey report survey/",
    )
    report.add_argument("survey", type=Path, metavar="SURVEY", help="the survey's folder")
    report.add_argument(
        "responses",
        nargs="*",
        type=Path,
        metavar="RESPONSE",
        help="files or folders (default: SURVEY/responses)",
    )


def until_interrupted(options: argparse.Namespace) -> bool:
    """Tell whether Ctrl-C is the way to end the command."""
    return bool(options.action == "serve")


def run(options: argparse.Namespace) -> int:
    """Make, serve or report; return the exit code."""
    from leitmotif.storage.errors import OutsideError

    action = {"make": _make, "serve": _serve, "report": _report}[options.action]
    try:
        action(options)
    except OSError as error:
        raise OutsideError(f"{error.strerror or error} ({error.filename or options.action})") from error
    return 0


def _make(options: argparse.Namespace) -> None:
    from leitmotif.review.survey.build import make_survey
    from leitmotif.review.survey.material import check_systems, find_material

    material = find_material(check_systems(options.system), videos=options.videos, prompts=options.prompts)
    key = make_survey(
        material,
        options.out,
        questions=[name.strip() for name in options.questions.split(",") if name.strip()],
        title=options.title,
        participants=options.participants,
        clips_each=options.clips,
        seed=options.seed,
    )
    facts = {
        "survey": key.survey,
        "systems": len(key.systems),
        "clips": len(key.clips),
        "questions": ",".join(key.questions),
        "orders": len(key.orders),
        "versions_each": sum(map(len, key.orders[0])),
    }
    if options.json:
        console.print_json(facts)
        return
    console.print_summary(facts)
    print(f"give away:   {options.out / 'questionnaire'} (each participant opens index.html with a number)")
    print(f"or:          {command('survey', 'serve', options.out)}")
    print(f"keep:        {options.out / 'key.json'} (says which version is whose)")


def _serve(options: argparse.Namespace) -> None:
    from leitmotif.review.survey.server import SurveyServer
    from leitmotif.storage.errors import OutsideError, UserError

    if not 0 <= options.port <= 65535:
        raise UserError(f"--port is {options.port}; expected 0 to 65535")
    try:
        server = SurveyServer(options.survey, host=options.host, port=options.port, names=options.name)
    except OSError as error:
        raise OutsideError(
            f"cannot listen at {options.host}:{options.port} ({error.strerror}); choose another "
            "--port or --host"
        ) from error
    with server:
        host, port = server.address
        facts = {"url": f"http://{host}:{port}/", "responses": str(server.assignments.responses)}
        if options.json:
            console.print_json(facts)
        else:
            print("{url} (Ctrl-C ends it; responses lie in {responses})".format(**facts), flush=True)
        try:
            server.run()
        except KeyboardInterrupt:
            count = len(list(server.assignments.responses.glob("*.json")))
            if options.json:
                console.print_json({**facts, "count": count})
            else:
                print(f"{count} responses")


def _report(options: argparse.Namespace) -> None:
    from leitmotif.review.survey.key import RESPONSES, load_key
    from leitmotif.review.survey.responses import read_responses
    from leitmotif.review.survey.results import compute_results

    key = load_key(options.survey)
    collected = options.survey / RESPONSES
    responses = read_responses(key, options.responses or ([collected] if collected.is_dir() else []))
    results = compute_results(key, responses)
    if options.json:
        comments = [
            {"participant": response.participant, "clip": clip, "text": text}
            for response in responses
            for clip, text in response.comments.items()
        ]
        console.print_json({"survey": key.survey, **asdict(results), "comments": comments})
    else:
        _print(key, results)


def _print(key: Key, results: Results) -> None:
    print(f"{key.title}: {count(results.participants, 'participant')}, {count(results.ratings, 'rating')}")
    if results.unheard:
        print(f"{results.unheard} versions were rated after less than a second of listening")
    width = max(map(len, key.systems))
    print("\nmean rating, 1 to 5, with its 95 % t-interval over participants")
    for score in results.scores:
        print(f"{score.question:<4} {score.system:<{width}}  {_score(score)}")
    print(
        "\ndifference with its 95 % t-interval; Wilcoxon signed-rank p, corrected by Holm for each question"
    )
    for pair in results.comparisons:
        names = f"{pair.system} - {pair.other}"
        print(f"{pair.question:<4} {names:<{2 * width + 3}}  {_comparison(pair)}")
    print("\nagreement of participants: Krippendorff's alpha, ordinal (1 perfect, 0 chance)")
    for question, alpha in results.agreement.items():
        print(f"{question:<4} {'not defined' if alpha is None else f'{alpha:.2f}'}")


def _score(score: Score) -> str:
    return f"{score.mean:.2f}  {_interval(score.low, score.high)}"


def _comparison(pair: Comparison) -> str:
    tested = "no difference to test" if pair.p_holm is None else f"p {pair.p_holm:.3g}"
    return f"{pair.difference:+.2f}  {_interval(pair.low, pair.high)}  {tested}"


def _interval(low: float | None, high: float | None) -> str:
    return "(one participant: no interval)" if low is None or high is None else f"[{low:.2f}, {high:.2f}]"
