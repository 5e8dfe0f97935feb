"""Figures in cards."""

import json

import pytest

from leitmotif.train_mini.figures import BEGIN, END, write_figures


def test_figures_are_written_into_the_card_between_its_marks(tmp_path):
    card = tmp_path / "card.md"
    card.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_figures({"model": "x", "size": {"weights, MB": 1.23456}}, tmp_path, card)
    text = card.read_text()
    assert "| weights, MB | 1.235 |" in text
    assert "old" not in text
    assert text.startswith("before")
    assert text.endswith("after\n")
    assert json.loads((tmp_path / "figures.json").read_text())["model"] == "x"
    card.write_text("no marks")
    with pytest.raises(ValueError, match="marks"):
        write_figures({}, tmp_path, card)
