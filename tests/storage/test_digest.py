import hashlib
from pathlib import Path

from leitmotif.storage.digest import sha256_of


def test_a_digest_is_that_of_the_bytes_and_several_files_count_as_one(
    tmp_path: Path,
) -> None:
    contents = [b"a" * (3 << 20), b"", b"tail"]
    paths = [tmp_path / str(number) for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    assert sha256_of(paths[0]) == hashlib.sha256(contents[0]).hexdigest()
    read: list[int] = []
    assert sha256_of(*paths, on_bytes=read.append) == hashlib.sha256(b"".join(contents)).hexdigest()
    assert read == sorted(read) and read[-1] == sum(map(len, contents))
