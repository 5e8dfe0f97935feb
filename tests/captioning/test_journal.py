import pytest

from leitmotif.captioning.captioner import Caption
from leitmotif.captioning.facts import CaptionFacts
from leitmotif.captioning.journal import Journal

FACTS = [CaptionFacts(f"clip{n}") for n in range(4)]
IDS = [facts.clip_id for facts in FACTS]
CAPTION = Caption('A calm "piece" – soft.', 7)


def left_behind(folder, *facts):
    with pytest.raises(RuntimeError), Journal(folder, IDS) as journal:
        for each in facts:
            journal.add(each, CAPTION)
        raise RuntimeError("killed")


def test_a_batch_that_ends_well_leaves_nothing(tmp_path):
    with Journal(tmp_path, IDS) as journal:
        journal.add(FACTS[0], CAPTION)
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_batch_had_is_found_by_the_next_and_then_taken_away(tmp_path):
    left_behind(tmp_path, *FACTS[:2])
    with Journal(tmp_path, IDS) as journal:
        assert journal.captions == {"clip0": CAPTION, "clip1": CAPTION}
    assert list(tmp_path.iterdir()) == []


def test_how_a_caption_was_asked_for_is_written_down(tmp_path):
    caption = Caption("A calm piece.", None, system=False, metadata=("description", "title"))
    with pytest.raises(RuntimeError), Journal(tmp_path, IDS) as journal:
        journal.add(FACTS[0], caption)
        raise RuntimeError("killed")
    with Journal(tmp_path, IDS) as journal:
        assert journal.captions == {"clip0": caption}


def test_what_was_found_is_still_there_if_the_next_batch_is_killed_too(tmp_path):
    left_behind(tmp_path, FACTS[0])
    left_behind(tmp_path, FACTS[1])
    with Journal(tmp_path, IDS) as journal:
        assert set(journal.captions) == {"clip0", "clip1"}


def test_a_journal_of_other_clips_is_left_alone(tmp_path):
    left_behind(tmp_path, *FACTS)
    with Journal(tmp_path, IDS[:2]) as journal:
        assert set(journal.captions) == set(IDS[:2])
    with Journal(tmp_path, IDS[2:]) as journal:
        assert set(journal.captions) == set(IDS[2:])


def test_a_line_that_a_crash_cut_off_is_passed_over(tmp_path):
    left_behind(tmp_path, *FACTS[:2])
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-12] + b'\n[]\n"x"\n\xff{}\n')
    with Journal(tmp_path, IDS) as journal:
        assert set(journal.captions) == {"clip0"}


def test_a_batch_without_captions_writes_no_file(tmp_path):
    left_behind(tmp_path / "none yet")
    assert not (tmp_path / "none yet").exists()
