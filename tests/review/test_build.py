"""What a survey's folder holds, that it is blind and balanced, and what is wrong with bad material."""

import itertools
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from leitmotif.cli import survey as command
from leitmotif.cli.parser import make_parser
from leitmotif.review.survey.build import make_survey
from leitmotif.review.survey.counterbalance import draw_orders, williams_design
from leitmotif.review.survey.key import load_key
from leitmotif.review.survey.material import check_systems, find_material
from leitmotif.storage.errors import UserError
from tests.review.survey_material import systems_in, write_film, write_sound

SYSTEMS = ("bridge", "cmt-2021", "VidMuse")


def prompts_in(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        (folder / f"{name}.txt").write_text(f"a calm piece called {name}")
    return folder


def test_a_survey_is_a_questionnaire_and_a_key(tmp_path: Path) -> None:
    prompts = prompts_in(tmp_path / "prompts", "one", "two")
    material = find_material(systems_in(tmp_path, *SYSTEMS), prompts=prompts)
    key = make_survey(material, tmp_path / "survey", participants=6, title="Short <films> & songs")
    assert key == load_key(tmp_path / "survey")
    assert key.questions == ["MP", "TMA"]
    files = sorted(path.name for path in (tmp_path / "survey" / "questionnaire" / "media").iterdir())
    assert files == sorted(key.versions) and len(files) == 6
    for name, version in key.versions.items():
        copy = tmp_path / "survey" / "questionnaire" / "media" / name
        assert copy.read_bytes() == (tmp_path / version.system / version.clip).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["prompts", "survey", *SYSTEMS])


def test_nothing_that_participants_get_names_a_system_or_a_clip(tmp_path: Path) -> None:
    material = find_material(systems_in(tmp_path, *SYSTEMS), prompts=prompts_in(tmp_path / "p", "one", "two"))
    make_survey(material, tmp_path / "survey")
    page = (tmp_path / "survey" / "questionnaire" / "index.html").read_text()
    names = [str(path) for path in (tmp_path / "survey" / "questionnaire").rglob("*")]
    for secret in (*SYSTEMS, "one.wav", "two.wav"):
        assert secret.lower() not in page.lower()
        assert not [name for name in names if secret.lower() in name.lower()]
    assert "a calm piece called one" in page


def test_the_page_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    material = find_material(
        systems_in(tmp_path, "aa", "bb"), prompts=prompts_in(tmp_path / "p", "one", "two")
    )
    make_survey(material, tmp_path / "survey", title="</script><script>alert(1)</script>")
    page = (tmp_path / "survey" / "questionnaire" / "index.html").read_text()
    assert "http://" not in page and "https://" not in page and "//cdn" not in page
    assert "default-src 'none'" in page
    assert "<script>alert(1)" not in page


@pytest.mark.parametrize("systems", [2, 3, 4, 5, 6])
def test_in_a_williams_design_every_system_takes_every_place_and_follows_every_other(systems: int) -> None:
    design = williams_design(systems)
    assert design.shape == (systems if systems % 2 == 0 else 2 * systems, systems)
    assert all(sorted(row) == list(range(systems)) for row in design)
    for column in design.T:
        assert set(Counter(column.tolist()).values()) == {len(design) // systems}
    follows = Counter(pair for row in design.tolist() for pair in itertools.pairwise(row))
    assert len(follows) == systems * (systems - 1)
    assert len(set(follows.values())) == 1


def test_orders_are_balanced_over_participants_for_every_clip() -> None:
    orders = draw_orders(12, 4, 3, per_participant=4, rng=np.random.default_rng(5))
    for clip in range(4):
        heard = [tuple(versions) for order in orders for number, versions in order if number == clip]
        assert len(heard) == 12
        assert set(Counter(heard).values()) == {2} and len(set(heard)) == 6
    assert len({tuple(clip for clip, _ in order) for order in orders}) > 1


def test_clips_are_dealt_evenly_where_each_participant_hears_some() -> None:
    orders = draw_orders(10, 7, 2, per_participant=3, rng=np.random.default_rng(0))
    assert all(len({clip for clip, _ in order}) == 3 for order in orders)
    heard = Counter(clip for order in orders for clip, _ in order)
    assert set(heard) == set(range(7)) and max(heard.values()) - min(heard.values()) <= 1


def test_a_seed_gives_the_same_survey_and_other_media_another(tmp_path: Path) -> None:
    systems = systems_in(tmp_path, "aa", "bb")
    prompts = prompts_in(tmp_path / "p", "one", "two")
    first = make_survey(find_material(systems, prompts=prompts), tmp_path / "first")
    assert make_survey(find_material(systems, prompts=prompts), tmp_path / "again") == first
    other = make_survey(find_material(systems, prompts=prompts), tmp_path / "other", seed=1)
    assert other.survey != first.survey and not set(other.versions) & set(first.versions)
    write_sound(tmp_path / "aa" / "one.wav", pitch_hz=300.0)
    changed = make_survey(find_material(systems, prompts=prompts), tmp_path / "changed")
    assert changed.versions == first.versions and changed.survey != first.survey


def test_films_are_asked_about_as_in_the_paper(tmp_path: Path) -> None:
    for system in ("aa", "bb"):
        write_film(tmp_path / system / "one.mp4")
    material = find_material({name: tmp_path / name for name in ("aa", "bb")})
    assert make_survey(material, tmp_path / "survey").questions == ["MP", "EC", "TC", "RC"]


def test_sounds_are_shown_with_the_video_that_they_were_made_for(tmp_path: Path) -> None:
    systems = systems_in(tmp_path, "aa", "bb", clips=("one.wav",))
    write_film(tmp_path / "videos" / "one.mp4", sound=False)
    key = make_survey(find_material(systems, videos=tmp_path / "videos"), tmp_path / "survey")
    assert key.questions == ["MP", "EC", "TC", "RC"]
    files = {path.name for path in (tmp_path / "survey" / "questionnaire" / "media").iterdir()}
    (video,) = files - set(key.versions)
    page = (tmp_path / "survey" / "questionnaire" / "index.html").read_text()
    assert video.endswith(".mp4") and f'"video": "{video}"' in page


def test_a_folder_gives_its_name_to_its_system(tmp_path: Path) -> None:
    assert check_systems(["runs/vmb", "CMT=old/out"]) == {"vmb": Path("runs/vmb"), "CMT": Path("old/out")}
    with pytest.raises(UserError, match="two systems are called 'out'"):
        check_systems(["a/out", "b/out"])
    with pytest.raises(UserError, match="has no name"):
        check_systems(["=a"])


def break_sets(root: Path) -> None:
    (root / "bb" / "two.wav").unlink()


def break_media(root: Path) -> None:
    (root / "bb" / "one.wav").write_bytes(b"RIFF is not enough")


def break_folder(root: Path) -> None:
    for path in (root / "bb").iterdir():
        path.rename(path.with_suffix(".mkv"))


def break_kind(root: Path) -> None:
    for system in ("aa", "bb"):
        for clip in ("one", "two"):
            (root / system / f"{clip}.wav").unlink()
    for clip in ("one", "two"):
        write_film(root / "aa" / f"{clip}.mp4")
        (root / "bb" / f"{clip}.mp4").write_bytes(write_sound(root / "x.wav").read_bytes())


def break_sound(root: Path) -> None:
    for system in ("aa", "bb"):
        write_film(root / system / "three.mp4", sound=False)


def break_codec(root: Path) -> None:
    for system in ("aa", "bb"):
        write_film(root / system / "three.mp4", codec="mpeg4")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (break_sets, r"system 'bb' lacks 'two.wav', which 'aa' has"),
        (break_media, r"one.wav' cannot be used: "),
        (break_folder, r"bb' holds no clip; expected files that browsers play"),
        (break_kind, r"some files are videos and some are audio"),
        (break_sound, r"three.mp4' has no sound"),
        (break_codec, r"three.mp4' has a mpeg4 picture, which browsers do not show"),
    ],
)
def test_unfit_material_is_one_clear_line(spoil, said: str, tmp_path: Path) -> None:
    systems = systems_in(tmp_path, "aa", "bb")
    spoil(tmp_path)
    with pytest.raises(UserError, match=said) as raised:
        find_material(systems)
    assert "\n" not in str(raised.value)


def test_one_system_makes_no_survey(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="got 1 system; a survey compares 2 or more"):
        find_material(systems_in(tmp_path, "aa"))
    with pytest.raises(UserError, match="cannot be read \\(No such file or directory\\)"):
        find_material({"aa": tmp_path / "aa", "bb": tmp_path / "bb"})


def test_a_file_that_says_whose_it_is_is_refused(tmp_path: Path) -> None:
    for system in ("bridge", "other"):
        write_film(tmp_path / system / "one.mp4", title=f"made by {system.upper()} v2")
    with pytest.raises(UserError, match=r"names its system in its metadata \(title: 'made by BRIDGE v2'\)"):
        find_material({name: tmp_path / name for name in ("bridge", "other")})


def test_missing_texts_and_videos_are_told(tmp_path: Path) -> None:
    systems = systems_in(tmp_path, "aa", "bb")
    prompts = prompts_in(tmp_path / "p", "one")
    with pytest.raises(UserError, match=r"no text for clip 'two.wav'; expected 'two.txt'"):
        find_material(systems, prompts=prompts)
    (prompts / "two.txt").write_text(" \n")
    with pytest.raises(UserError, match="is empty; expected what the music was made for"):
        find_material(systems, prompts=prompts)
    write_film(tmp_path / "videos" / "one.mp4")
    with pytest.raises(UserError, match=r"no video for clip 'two.wav'; expected two.mp4 or two.webm"):
        find_material(systems, videos=tmp_path / "videos")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"questions": ["MP", "XX"]}, "question 'XX' is not known; expected some of MP, EC, TC, RC, TMA"),
        ({"questions": ["MP", "MP"]}, "question 'MP' is given twice"),
        (
            {"questions": ["EC"]},
            "question EC is about the video, and none is shown; give videos, or --videos",
        ),
        ({"clips_each": 3}, "clips for each participant are 3; expected 1 to 2"),
        ({"clips_each": 0}, "expected 1 to 2"),
        ({"participants": 0}, "participants are 0; expected 1 or more"),
        ({"title": "How good is AA ?"}, "names system 'aa'"),
    ],
)
def test_settings_that_make_no_sense_are_one_clear_line(wrong, said: str, tmp_path: Path) -> None:
    prompts = prompts_in(tmp_path / "p", "one", "two")
    material = find_material(systems_in(tmp_path, "aa", "bb"), prompts=prompts)
    with pytest.raises(UserError, match=said):
        make_survey(material, tmp_path / "survey", **wrong)
    assert not (tmp_path / "survey").exists()


def test_the_command_makes_a_survey_and_says_what_to_do_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    systems_in(tmp_path, "aa", "bb")
    prompts = prompts_in(tmp_path / "p", "one", "two")
    given = [
        "survey",
        "make",
        str(tmp_path / "aa"),
        f"ours={tmp_path / 'bb'}",
        "--prompts",
        str(prompts),
        "--clips",
        "1",
    ]
    parser = make_parser()
    assert command.run(parser.parse_args([*given, "--out", str(tmp_path / "one")])) == 0
    assert f"give away:   {tmp_path / 'one' / 'questionnaire'}" in capsys.readouterr().out
    assert command.run(parser.parse_args([*given, "--out", str(tmp_path / "two"), "--json"])) == 0
    facts = json.loads(capsys.readouterr().out)
    assert load_key(tmp_path / "two").systems == ["aa", "ours"]
    assert (facts["clips"], facts["questions"], facts["versions_each"]) == (2, "MP,TMA", 2)
    with pytest.raises(UserError, match="exists already"):
        command.run(parser.parse_args([*given, "--out", str(tmp_path / "two")]))


def test_a_survey_is_never_written_over(tmp_path: Path) -> None:
    prompts = prompts_in(tmp_path / "p", "one", "two")
    material = find_material(systems_in(tmp_path, "aa", "bb"), prompts=prompts)
    make_survey(material, tmp_path / "survey")
    with pytest.raises(UserError, match="exists already; choose another folder"):
        make_survey(material, tmp_path / "survey")


def test_a_copy_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    prompts = prompts_in(tmp_path / "p", "one", "two")
    material = find_material(systems_in(tmp_path, "aa", "bb"), prompts=prompts)
    (tmp_path / "bb" / "two.wav").unlink()
    with pytest.raises(FileNotFoundError):
        make_survey(material, tmp_path / "survey")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["aa", "bb", "p"]


def test_a_folder_that_is_no_survey_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is no survey \(no readable key.json\)"):
        load_key(tmp_path)
    (tmp_path / "key.json").write_text('{"survey": "x"}')
    with pytest.raises(UserError, match="is damaged"):
        load_key(tmp_path)
