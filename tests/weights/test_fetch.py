import errno
import hashlib
import json
import os
from pathlib import Path

import pytest

from leitmotif.storage.errors import OutsideError, UserError
from leitmotif.weights import fetch, files
from leitmotif.weights.fetch import fetch_file
from leitmotif.weights.files import HubRepo, UrlFile
from leitmotif.weights.hub import fetch_repo
from tests.weights.file_server import COMMIT, Files

CONTENT = bytes(range(256)) * 8192  # 2 MiB
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def item(server: Files) -> UrlFile:
    server.contents["/weights.pth"] = CONTENT
    return UrlFile(f"{server.url}/weights.pth", "weights.pth", DIGEST, len(CONTENT))


def test_a_file_is_fetched_and_checked(item: UrlFile, server: Files) -> None:
    heard: list[tuple[str, int, int]] = []
    assert item.missing() == ["weights.pth"]
    path = fetch_file(item, lambda *told: heard.append(told))
    assert path.read_bytes() == CONTENT
    assert path == files.models_dir() / "weights.pth"
    assert heard[-1] == ("weights.pth", len(CONTENT), len(CONTENT))
    assert item.missing() == []
    assert [each.name for each in path.parent.iterdir()] == ["weights.pth"]


def test_a_checksum_may_be_the_beginning_of_one_and_the_place_that_of_torch_hub(server: Files) -> None:
    server.contents["/a-b.th"] = CONTENT
    item = UrlFile(f"{server.url}/a-b.th", "a-b.th", DIGEST[:8], folder="torch-hub")
    assert fetch_file(item) == Path(os.environ["TORCH_HOME"]) / "hub" / "checkpoints" / "a-b.th"


def test_torch_itself_looks_where_files_for_it_are_put(caches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    for name, value in (
        ("TORCH_HOME", caches / "t"),
        ("XDG_CACHE_HOME", caches / "x"),
        ("HOME", caches / "h"),
    ):
        monkeypatch.setenv(name, str(value))
    for name in ("TORCH_HOME", "XDG_CACHE_HOME", "HOME"):
        assert files.torch_hub_dir() == Path(torch.hub.get_dir()) / "checkpoints"
        monkeypatch.delenv(name)


def test_a_cut_connection_is_taken_up_where_it_broke(item: UrlFile, server: Files) -> None:
    server.cut_after = [1_000_000, 500_000]
    assert fetch_file(item).read_bytes() == CONTENT
    assert server.asked[0] == ""
    starts = [int(asked.removeprefix("bytes=").removesuffix("-")) for asked in server.asked[1:]]
    assert len(starts) == 2
    assert 0 < starts[0] <= 1_000_000 < starts[1] <= 1_500_000


def test_a_former_run_is_gone_on_with(item: UrlFile, server: Files) -> None:
    part = item.path().with_name("weights.pth.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT[:12345])
    assert fetch_file(item).read_bytes() == CONTENT
    assert server.asked == ["bytes=12345-"]


def test_a_server_without_ranges_is_read_from_the_start(item: UrlFile, server: Files) -> None:
    server.ranges = False
    server.cut_after = [1_000_000]
    assert fetch_file(item).read_bytes() == CONTENT
    assert len(server.asked) == 2


def test_a_part_that_was_whole_already_is_only_checked(item: UrlFile, server: Files) -> None:
    part = item.path().with_name("weights.pth.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT)
    assert fetch_file(item).read_bytes() == CONTENT
    assert server.asked == []


@pytest.mark.parametrize("size", [None, 5])
def test_a_wrong_checksum_is_one_line_and_leaves_nothing(
    item: UrlFile, server: Files, size: int | None
) -> None:
    server.contents["/weights.pth"] = b"other"
    wrong = UrlFile(item.url, item.name, DIGEST, size)
    with pytest.raises(OutsideError, match=f"expected {DIGEST[:16]}…; what came is deleted") as caught:
        fetch_file(wrong)
    assert "\n" not in str(caught.value)
    assert list(item.path().parent.iterdir()) == []


def test_a_part_longer_than_the_file_is_thrown_away(item: UrlFile, server: Files) -> None:
    part = item.path().with_name("weights.pth.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT + b"more")
    with pytest.raises(OutsideError, match="what came is deleted"):
        fetch_file(item)
    assert fetch_file(item).read_bytes() == CONTENT


def test_a_file_that_is_not_there_names_the_place_to_put_it(item: UrlFile, server: Files) -> None:
    del server.contents["/weights.pth"]
    with pytest.raises(
        OutsideError, match=r"answers 404 Not Found; see whether .* put the file at .*weights.pth"
    ):
        fetch_file(item)


@pytest.mark.parametrize("cut", [0, 1000])
def test_a_network_that_stays_away_keeps_what_came(item: UrlFile, server: Files, cut: int) -> None:
    server.cut_after = [cut] + [0] * 10
    with pytest.raises(OutsideError, match=r"cannot be reached .* run the same command again"):
        fetch_file(item)
    server.cut_after = []
    assert fetch_file(item).read_bytes() == CONTENT
    assert (f"bytes={cut}-" in server.asked) == (cut > 0)


def test_a_server_in_trouble_is_asked_again_and_then_given_up(item: UrlFile, server: Files) -> None:
    server.status = 503
    with pytest.raises(OutsideError, match="503"):
        fetch_file(item)


def test_too_little_room_is_said_before_anything_is_written(
    item: UrlFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 1_000_000})
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OutsideError, match=r"wants 2 MB more and the disk of .* has 1 MB; make room"):
        fetch_file(item)


def test_a_disk_that_fills_up_is_one_line(item: UrlFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fetch, "fetch_file", fill)
    with pytest.raises(OutsideError, match="No space left on device while"):
        fetch.fetch(item)


REPO = {
    "config.json": b'{"model_type": "clap"}',
    "model.safetensors": CONTENT,
    "pytorch_model.bin": CONTENT,
    "README.md": b"# A model",
    "tf_model.h5": CONTENT,
    "original/consolidated.00.pth": CONTENT,
}


def test_of_a_repository_only_what_is_needed_is_fetched_and_noted(server: Files) -> None:
    server.add_repo("owner/name", REPO)
    heard: list[tuple[str, int, int]] = []
    item = HubRepo("owner/name", COMMIT)
    assert item.missing() == ["config.json", "model.safetensors"]
    folder = fetch_repo(item, lambda *told: heard.append(told))
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert item.missing() == []
    assert heard[-1][1:] == (len(CONTENT) + 22, len(CONTENT) + 22)
    lock = json.loads((files.models_dir() / "models.lock.json").read_text())
    assert lock["owner/name"]["revision"] == COMMIT
    assert lock["owner/name"]["files"]["model.safetensors"] == {"size_bytes": len(CONTENT), "sha256": DIGEST}


def test_where_there_are_no_safetensors_the_bin_file_is_fetched(server: Files) -> None:
    server.add_repo("owner/name", {name: REPO[name] for name in ("config.json", "pytorch_model.bin")})
    item = HubRepo("owner/name", COMMIT)
    assert (fetch_repo(item, lambda *told: None) / "pytorch_model.bin").is_file()
    assert item.missing() == []


def test_a_branch_is_resolved_and_its_commit_noted(server: Files) -> None:
    server.add_repo("owner/name", REPO)
    item = HubRepo("owner/name", "main")
    fetch_repo(item, lambda *told: None)
    assert files.read_lock()["owner/name"]["revision"] == COMMIT
    assert item.missing() == []


def test_what_is_noted_and_lies_there_is_not_asked_for_again(server: Files) -> None:
    server.add_repo("owner/name", REPO)
    item = HubRepo("owner/name", COMMIT)
    assert fetch.fetch(item) is True
    server.contents.clear()
    assert fetch.fetch(item) is False
    path = item.path("model.safetensors")
    assert path is not None
    path.write_bytes(b"cut short")
    assert item.missing() == ["model.safetensors"]


def test_a_shard_that_is_missing_is_named(server: Files) -> None:
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    server.add_repo(
        "owner/name",
        {
            "config.json": b"{}",
            "model.safetensors.index.json": json.dumps(index).encode(),
            "model-00001-of-00002.safetensors": b"1",
        },
    )
    item = HubRepo("owner/name", COMMIT)
    fetch_repo(item, lambda *told: None)
    files.lock_path().unlink()  # as if another tool had fetched it
    assert item.missing() == ["model-00002-of-00002.safetensors"]


def test_a_repository_file_with_another_checksum_is_deleted(server: Files) -> None:
    server.add_repo("owner/name", REPO, wrong="model.safetensors")
    item = HubRepo("owner/name", COMMIT)
    with pytest.raises(
        OutsideError, match=r"model.safetensors of owner/name has the SHA-256 .* it is deleted"
    ):
        fetch_repo(item, lambda *told: None)
    assert item.missing() == ["model.safetensors"]


def test_a_checksum_known_beforehand_overrules_what_the_hub_says(server: Files) -> None:
    server.add_repo("owner/name", {"weights.pth": CONTENT})
    item = HubRepo("owner/name", COMMIT, files=("weights.pth",), sha256={"weights.pth": "0" * 64})
    with pytest.raises(OutsideError, match="expected 0000000000000000…"):
        fetch_repo(item, lambda *told: None)


def test_a_repository_without_weights_files_is_said_to_be_one(server: Files) -> None:
    server.add_repo("owner/name", {"README.md": b""})
    with pytest.raises(UserError, match="has none of"):
        fetch_repo(HubRepo("owner/name", COMMIT), lambda *told: None)


@pytest.mark.parametrize(
    ("error", "raised", "said"),
    [
        ("GatedRepoError", UserError, "accept its licence; do that at https://huggingface.co/owner/name"),
        ("RepositoryNotFoundError", UserError, "is not on the hub, or closed to you"),
        ("RevisionNotFoundError", UserError, "has no revision"),
        ("HfHubHTTPError", OutsideError, "what came so far is kept"),
        ("OfflineModeIsEnabled", OutsideError, "what came so far is kept"),
        ("LocalEntryNotFoundError", OutsideError, "what came so far is kept"),
    ],
)
def test_what_the_hub_refuses_is_one_line(
    error: str, raised: type[Exception], said: str, caches: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx2
    from huggingface_hub import errors

    from leitmotif.weights import hub

    def refuse(item: HubRepo) -> None:
        kind = getattr(errors, error)
        response = httpx2.Response(403, request=httpx2.Request("GET", "https://huggingface.co"))
        raise (
            kind("no\nway", response=response) if issubclass(kind, errors.HfHubHTTPError) else kind("no\nway")
        )

    monkeypatch.setattr(hub, "list_files", refuse)
    with pytest.raises(raised, match=said) as caught:
        fetch_repo(HubRepo("owner/name", COMMIT), lambda *told: None)
    assert "\n" not in str(caught.value)


def test_a_hub_that_cannot_be_reached_is_one_line(server: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(OutsideError, match="owner/name cannot be fetched"):
        fetch_repo(HubRepo("owner/name", COMMIT), lambda *told: None)


@pytest.mark.parametrize(
    "damage",
    [
        *(
            "",
            "{",
            "[]",
            "[" * 100_000,
            '{"owner/name": 3}',
            '{"owner/name": {"revision": "c", "files": []}}',
        ),
        '{"owner/name": {"revision": "c", "files": {"a.bin": {"size_bytes": null}}}}',
    ],
    ids=range(7),
)
def test_a_damaged_note_of_what_was_fetched_is_as_none(caches: Path, damage: str) -> None:
    files.lock_path().parent.mkdir(parents=True, exist_ok=True)
    files.lock_path().write_text(damage)
    assert files.read_lock() == {} and files.fetched_file("a.bin") is None
    files.note_in_lock("owner/name", {"revision": "c", "files": {"a.bin": {"size_bytes": 1}}})
    assert files.read_lock() == {"owner/name": {"revision": "c", "files": {"a.bin": {"size_bytes": 1}}}}
