"""The rendered corpus: files that open, a truth that adds up, and the same bytes for the same seed."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest

from leitmotif.demo.corpus import TRUTH_NAME, render_corpus
from leitmotif.demo.metadata import describe_clip, draw_artists
from leitmotif.demo.pictures.render import KINDS
from leitmotif.demo.plan import ClipTruth, plan_corpus
from leitmotif.demo.video import encode_again
from leitmotif.media.mux import RATE_HZ, Encoding, write_video

CLIPS, DURATION_S = 12, 2.0


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[ClipTruth]]:
    out = tmp_path_factory.mktemp("corpus")
    told: list[tuple[int, int]] = []
    truths = render_corpus(
        out,
        clips=CLIPS,
        seed=3,
        duration_s=DURATION_S,
        size=(160, 90),
        on_progress=lambda what, done, total, note="": told.append((done, total)),
    )
    assert told == [(done, CLIPS) for done in range(CLIPS + 1)]
    return out, truths


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_every_sound_file_holds_pictures_and_sound_of_the_right_length_from_0_s(
    corpus: tuple[Path, list[ClipTruth]],
) -> None:
    out, truths = corpus
    for truth in truths:
        if truth.broken:
            continue
        with av.open(str(out / truth.file)) as film:
            assert film.duration is not None
            assert film.duration / 1e6 == pytest.approx(DURATION_S, abs=0.1)
            assert film.streams.video[0].codec_context.name == "h264"
            assert film.streams.audio[0].codec_context.name == "aac"
            first_picture = next(film.decode(video=0))
            film.seek(0)
            first_sound = next(film.decode(audio=0))
            assert first_picture.time == pytest.approx(0, abs=0.001)
            assert first_sound.time == pytest.approx(0, abs=0.001)
            assert film.streams.audio[0].rate == RATE_HZ


def test_the_truth_counts_copies_and_the_broken_file_within_the_clips(
    corpus: tuple[Path, list[ClipTruth]],
) -> None:
    out, truths = corpus
    assert len(truths) == CLIPS == len(list(out.glob("*.mp4"))) + len(list(out.glob("*.mkv")))
    assert Counter(truth.duplicate for truth in truths) == {None: CLIPS - 2, "exact": 1, "near": 1}
    assert sum(truth.broken for truth in truths) == 1
    rendered = [truth for truth in truths if truth.duplicate is None]
    assert sum(not truth.moving for truth in rendered) == round(len(rendered) / 3)
    assert all(truth.moving is KINDS[truth.kind] for truth in truths)
    lines = (out / TRUTH_NAME).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["file"] for line in lines] == [truth.file for truth in truths]
    assert not list(out.glob(".*"))


def test_copies_are_what_the_truth_says(corpus: tuple[Path, list[ClipTruth]]) -> None:
    out, truths = corpus
    for truth in truths:
        if truth.duplicate_of is None:
            continue
        source = out / truth.duplicate_of
        same = digest(out / truth.file) == digest(source)
        assert same is (truth.duplicate == "exact")
        if truth.duplicate == "near":
            with av.open(str(out / truth.file)) as copy, av.open(str(source)) as original:
                assert copy.streams.video[0].width < original.streams.video[0].width
                assert copy.format.name != original.format.name


def test_the_broken_file_cannot_be_opened(corpus: tuple[Path, list[ClipTruth]]) -> None:
    out, truths = corpus
    broken = next(truth for truth in truths if truth.broken)
    with pytest.raises(av.error.InvalidDataError):
        av.open(str(out / broken.file))


def test_every_film_has_a_sidecar_in_the_field_names_of_yt_dlp(corpus: tuple[Path, list[ClipTruth]]) -> None:
    out, truths = corpus
    for truth in truths:
        info = json.loads((out / truth.file).with_suffix(".info.json").read_text(encoding="utf-8"))
        assert info["id"] == Path(truth.file).stem
        assert truth.title in info["title"] and info["artist"] == truth.artist
        assert info["duration"] == DURATION_S
        assert info["webpage_url"].startswith("https://video.example/")
        assert len(info["upload_date"]) == 8 and info["upload_date"].isdigit()
        assert len(info["comments"]) <= 15 and all({"author", "text"} == set(c) for c in info["comments"])


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        render_corpus(tmp_path / name, clips=3, seed=5, duration_s=1.0, size=(96, 64))
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(files) == 7
    assert all(digest(tmp_path / "one" / name) == digest(tmp_path / "two" / name) for name in files)


@pytest.mark.slow
def test_several_processes_give_the_same_bytes_as_one(tmp_path: Path) -> None:
    for workers in (1, 2):
        render_corpus(
            tmp_path / str(workers), clips=12, seed=2, duration_s=1.0, size=(96, 64), workers=workers
        )
    for path in (tmp_path / "1").iterdir():
        assert digest(path) == digest(tmp_path / "2" / path.name)


@pytest.mark.parametrize("seed", range(4))
def test_24_clips_show_every_kind_and_artists_come_back(seed: int) -> None:
    plans, copies = plan_corpus(clips=24, seed=seed, duration_s=1.0, size=(96, 64), fps=25.0)
    assert len(plans) + len(copies) == 24
    assert {plan.kind for plan in plans if not plan.broken} == set(KINDS)
    assert max(Counter(plan.artist for plan in plans).values()) > 1
    assert len({plan.seed for plan in plans}) == len(plans)


def test_a_click_and_a_flash_stay_together_through_writing_and_writing_again(tmp_path: Path) -> None:
    sound = np.zeros((2, 2 * RATE_HZ), np.float32)
    sound[:, RATE_HZ : RATE_HZ + 200] = 0.8
    frames = [np.full((64, 96, 3), 220 if index == 25 else 20, np.uint8) for index in range(50)]
    first, second = tmp_path / "a.mp4", tmp_path / "b.mkv"
    write_video(first, iter(frames), sound, fps=25)
    encode_again(first, second, size=(64, 48), encoding=Encoding("matroska", crf=30))
    for path in (first, second):
        with av.open(str(path)) as film:
            light = {frame.time: frame.to_ndarray(format="gray").mean() for frame in film.decode(video=0)}
            film.seek(0)
            heard = [(frame.time, frame.to_ndarray()) for frame in film.decode(audio=0)]
        wave = np.concatenate([part for _, part in heard], axis=1)[0]
        assert max(light, key=lambda time_s: light[time_s]) == pytest.approx(1.0, abs=0.002)
        start_s = heard[0][0] + np.flatnonzero(np.abs(wave) > 0.4)[0] / RATE_HZ
        assert start_s == pytest.approx(1.0, abs=0.002)


def test_a_film_that_fails_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="even numbers"):
        write_video(
            tmp_path / "odd.mp4", [np.zeros((63, 95, 3), np.uint8)], np.zeros((2, 4410), np.float32), fps=25
        )
    with pytest.raises(ValueError, match="no frames"):
        write_video(tmp_path / "none.mp4", [], np.zeros((2, 4410), np.float32), fps=25)
    assert list(tmp_path.iterdir()) == []


def test_numbers_that_make_no_corpus_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(ValueError, match="at least 1"):
        render_corpus(out, clips=0)
    with pytest.raises(ValueError, match="even numbers"):
        render_corpus(out, size=(161, 90))
    with pytest.raises(ValueError, match=r"at least 0\.5 s"):
        render_corpus(out, duration_s=0.1)
    assert not out.exists()


def test_descriptions_tell_part_of_the_truth_among_noise() -> None:
    infos = [
        describe_clip(
            f"clip-{index}",
            title="Grey Rain",
            artist="Salt Foxes",
            kind="lyrics",
            duration_s=20.0,
            genre="jazz",
            moods=("sad",),
            instruments=("piano", "cello"),
            rng=np.random.default_rng(index),
        )
        for index in range(60)
    ]
    texts = [str(info["description"]) for info in infos]
    assert 0.3 < np.mean(["jazz" in text for text in texts]) < 0.95
    assert np.mean(["http" in text for text in texts]) > 0.4
    assert 0 < sum("license" not in info for info in infos) < 60
    assert not any("{" in text for text in texts)
    artists = draw_artists(50, np.random.default_rng(0))
    assert len(set(artists)) == 50
