"""Builds a survey: a questionnaire to give away, and the key to keep."""

from __future__ import annotations

import base64
import hashlib
import math
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from leitmotif.review.survey.counterbalance import draw_orders
from leitmotif.review.survey.key import KEY_FILE, QUESTIONNAIRE, Key, Version
from leitmotif.review.survey.material import Material
from leitmotif.review.survey.questions import choose_questions
from leitmotif.storage.atomic import whole_folder
from leitmotif.storage.errors import UserError
from leitmotif.storage.places import check_place

TEMPLATES = Path(__file__).with_name("templates")
# To read a question and answer it.
ANSWER_S = 4.0


def make_survey(
    material: Material,
    out: Path,
    *,
    questions: Sequence[str] = (),
    title: str = "Listening test",
    participants: int = 64,
    clips_each: int | None = None,
    seed: int = 0,
) -> Key:
    """Write a survey's folder, whole or not at all.

    Args:
        material: The clips of all systems.
        out: The folder, which must not exist.
        questions: Ids of the questions; those of the paper by default.
        title: What participants read at its head.
        participants: Balanced orders to draw; a participant beyond gets the first one again.
        clips_each: Clips that one participant hears; all of them by default.
        seed: What chance starts from.

    Returns:
        The key.

    Raises:
        UserError: An argument makes no sense, or the folder exists.
        OSError: The disk refused; nothing is left behind.
    """
    each = len(material.clips) if clips_each is None else clips_each
    if not 1 <= each <= len(material.clips):
        raise UserError(f"clips for each participant are {each}; expected 1 to {len(material.clips)}")
    if participants < 1:
        raise UserError(f"participants are {participants}; expected 1 or more")
    _check_title(title, material.systems)
    check_place(out)
    if out.exists():
        raise UserError(f"{str(out)!r} exists already; choose another folder, that one may hold responses")
    asked = [question.id for question in choose_questions(questions, material.shown)]
    rng = np.random.default_rng(seed)
    names = _random_names(material, rng)
    orders = draw_orders(
        participants, len(material.clips), len(material.systems), per_participant=each, rng=rng
    )
    key = Key(
        survey="",
        title=title,
        questions=asked,
        systems=list(material.systems),
        clips=[clip.name for clip in material.clips],
        seed=seed,
        versions={
            names[clip.name, system]: Version(system, clip.name)
            for clip in material.clips
            for system in material.systems
        },
        orders=[
            [
                [names[material.clips[clip].name, material.systems[system]] for system in versions]
                for clip, versions in order
            ]
            for order in orders
        ],
    )
    with whole_folder(out) as beside:
        return _write(key, material, names, beside)


def _check_title(title: str, systems: Sequence[str]) -> None:
    words = title.lower().split()
    for system in systems:
        if system.lower() in words:
            raise UserError(f"the title {title!r} names system {system!r}; participants must not know it")


def _random_names(material: Material, rng: np.random.Generator) -> dict[tuple[str, str | None], str]:
    """Return a random file name for each clip of each system, and of each clip's video (None)."""
    names: dict[tuple[str, str | None], str] = {}
    for clip in material.clips:
        for system, path in clip.media():
            names[clip.name, system] = f"{rng.bytes(8).hex()}{path.suffix.lower()}"
    return names


def _write(key: Key, material: Material, names: dict[tuple[str, str | None], str], beside: Path) -> Key:
    media = beside / QUESTIONNAIRE / "media"
    media.mkdir(parents=True)
    digest = hashlib.blake2b(key.save().encode(), digest_size=8)
    for clip in material.clips:
        for system, path in clip.media():
            copy = media / names[clip.name, system]
            shutil.copyfile(path, copy)
            with copy.open("rb") as file:
                digest.update(hashlib.file_digest(file, "blake2b").digest())
    key = replace(key, survey=digest.hexdigest())
    page = render_page(key, material, names)
    (beside / QUESTIONNAIRE / "index.html").write_text(page, encoding="utf-8")
    (beside / KEY_FILE).write_text(key.save(), encoding="utf-8")
    return key


def render_page(key: Key, material: Material, names: dict[tuple[str, str | None], str]) -> str:
    """Return the questionnaire: HTML that needs nothing but the media beside it, and names no system."""
    numbers = {clip.name: number for number, clip in enumerate(material.clips)}
    survey: dict[str, Any] = {
        "id": key.survey,
        "title": key.title,
        "minutes": _minutes(key, material),
        "video": "video" in material.shown,
        "questions": [{"id": ask.id, "name": ask.name, "text": ask.text} for ask in key.asked()],
        "clips": [
            {"prompt": clip.prompt, "video": names[clip.name, None] if clip.video else None}
            for clip in material.clips
        ],
        "orders": [
            [{"clip": numbers[key.versions[group[0]].clip], "versions": group} for group in order]
            for order in key.orders
        ],
    }
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    style, script = ((TEMPLATES / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    return environment.get_template("index.html.j2").render(
        survey=survey,
        style=style,
        script=script,
        style_hash=_content_hash(style),
        script_hash=_content_hash(script),
    )


def _content_hash(content: str) -> str:
    """Return what a page's policy calls the content of an element: browsers take no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def _minutes(key: Key, material: Material) -> int:
    """Return about how long one participant takes."""
    versions = len(key.orders[0]) * len(material.systems)
    mean_s = sum(clip.seconds for clip in material.clips) / len(material.clips)
    return max(1, math.ceil(versions * (mean_s + ANSWER_S * len(key.questions)) / 60))
