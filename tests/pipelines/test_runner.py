from collections.abc import Callable

from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.runner import missing_batches
from leitmotif.pipelines.workspace import Stores


def test_a_clip_without_sound_is_asked_of_no_stage_that_reads_it(
    catalogue: Callable[..., list[str]], measure: Callable[..., Stores]
) -> None:
    ids = catalogue(a="1", b="2")
    stores = measure(
        ids,
        probe={ids[1]: {"has_audio": 0}},
        audio={ids[1]: {"error": "MissingStream", "message": "no audio"}},
        separation={ids[0]: None, ids[1]: None},
    )
    ledger = Ledger(stores)
    ledger.settle()
    batches = missing_batches(stores, "separation", ledger.entries)
    asked = [clip.clip_id for batch in batches for clip in batch.clips]
    assert asked == [ids[0]]
