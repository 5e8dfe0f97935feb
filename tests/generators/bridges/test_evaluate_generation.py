"""`leitmotif evaluate generation`: its figures are of what was asked for."""

import json
from pathlib import Path

import numpy as np
import pytest

from leitmotif.cli.main import main
from leitmotif.generators.bridges.control_table import make_page
from leitmotif.generators.bridges.evaluate import Controllability, Scope
from leitmotif.generators.generator import Request
from leitmotif.retrieval.retriever import Retriever
from leitmotif.shards.dataset import Dataset
from leitmotif.training.loader.decode import Audio
from tests.generators.bridges.conftest import Room


class Echo:
    """A generator that gives back what it follows, or noise where it is asked for an attribute."""

    rate_hz, longest_s = 44_100, 1.5

    def __init__(self) -> None:
        self.asked: list[Request] = []

    def load(self, device: str = "cpu") -> "Echo":
        return self

    def generate(self, requests, on_step=lambda step: None) -> list[Audio]:  # type: ignore[no-untyped-def]
        self.asked += requests
        return [request.reference for request in requests]


def test_what_follows_perfectly_has_all_of_the_melody_and_the_tempo_of_its_songs(room: Room) -> None:
    echo = Echo()
    retriever = Retriever(Dataset(room.dataset), device="cpu")
    told: list[int] = []
    found = Controllability(
        echo,
        retriever,
        Scope(songs=2, variations=2, values=1, batch=3),
        on_progress=lambda what, done, total, note="": told.append(total - done),
    ).measure()
    assert found["melody"]["followed"]["value"] == 100.0
    assert found["melody"]["others"]["value"] < 60.0
    assert found["kinds"]["genre"]["value"] == 0.0 and "genre jazz" in found["attributes"]
    assert found["tempo"]["medium"]["made"] == found["tempo"]["medium"]["songs"]
    assert found["pieces"] == len(echo.asked) and told[-1] == 0
    styled = [request for request in echo.asked if request.style is not None]
    assert {request.prompt.rpartition("; ")[2] for request in styled} == {"jazz music", "medium music"}
    assert {request.seed for request in echo.asked} == {0, 1}
    # Songs that are asked for jazz have none, and the style is never their own.
    own = {np.asarray(row["clap_embedding"], np.float32).tobytes() for row in Dataset(room.dataset).rows()}
    assert all(request.style.astype(np.float32).shape == (128,) for request in styled) and len(own) == 4


def test_a_page_has_the_mean_of_a_kind_where_more_than_one_of_it_was_asked_for() -> None:
    one = {"value": 1.5, "low": -0.5, "high": 3.5, "clips": 4}
    two = {"value": 2.25, "low": None, "high": None, "clips": 1}
    page = make_page(
        {
            "run": "music",
            "dataset": "songs",
            "pieces": 12,
            "attributes": {"genre jazz": one, "genre rock": two, "mood calm": one},
            "kinds": {"genre": two, "mood": one},
            "tempo": {"fast": {"made": one, "songs": None}},
            "melody": {"followed": two, "others": None},
        }
    ).splitlines()
    assert page[0] == "# Controllability of the run `music`"
    assert [line for line in page if line.startswith(("| any", "| genre", "| mood", "| fast"))] == [
        "| any genre | +2.2 [–] | 1 |",
        "| genre jazz | +1.5 [-0.5, +3.5] | 4 |",
        "| genre rock | +2.2 [–] | 1 |",
        "| mood calm | +1.5 [-0.5, +3.5] | 4 |",
        "| fast | 1.5 [-0.5, 3.5] | – | 4 |",
    ]
    assert page[-1] == "| with songs that are not, which is chance | – |"


def test_the_command_writes_a_page_and_all_figures(
    room: Room, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"evaluate generation {room.run} {room.dataset} --out {tmp_path / 'results'} --device cpu"
    little = "--songs 1 --variations 1 --values 1 --steps 2"
    assert main([*words.split(), *little.split(), "--json"]) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    document = json.loads((tmp_path / "results" / "results.json").read_text())
    assert {name: said[name] for name in document} == document
    page = (tmp_path / "results" / "results.md").read_text()
    assert "| genre jazz |" in page and "| with the song that is followed |" in page
    for wrong, line in (("--songs 0", "--songs is 0"), ("--steps 0", "steps"), ("--seed -1", "--seed is -1")):
        assert main([*words.split(), *wrong.split()]) == 2
        assert line in capsys.readouterr().err.splitlines()[-1]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    words = f"evaluate generation {room.run} {room.dataset} --out {tmp_path / 'mine'}"
    assert main(words.split()) == 2
    assert "holds no results.json" in capsys.readouterr().err
