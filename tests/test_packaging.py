"""What a wheel holds is what the tree holds."""

import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
# build is what `pip install .` leaves in a clone.
NOT_SHIPPED = {"bench", "build", "tests", "train_mini"}


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))


def packages_of_the_tree() -> set[str]:
    files = [path for depth in ("*", "*/*", "*/*/*") for path in REPOSITORY.glob(f"{depth}/__init__.py")]
    folders = (path.parent.relative_to(REPOSITORY).parts for path in files)
    return {
        "leitmotif",
        *(
            ".".join(("leitmotif", *parts))
            for parts in folders
            if parts[0] not in NOT_SHIPPED and parts[0][0] != "."
        ),
    }


def test_every_folder_of_code_is_a_package_of_the_wheel(project: dict) -> None:
    assert set(project["tool"]["setuptools"]["packages"]) == packages_of_the_tree()


def test_every_folder_is_banned_under_its_bare_name(project: dict) -> None:
    banned = set(project["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"])
    assert banned == {name.split(".")[1] for name in packages_of_the_tree() if "." in name} | {"train_mini"}


def test_every_data_file_of_a_room_is_shipped(project: dict) -> None:
    patterns = project["tool"]["setuptools"]["package-data"]
    shipped = {
        path
        for package, globs in patterns.items()
        for each in globs
        for path in REPOSITORY.joinpath(*package.split(".")[1:]).glob(each)
    }
    for package in packages_of_the_tree() - {"leitmotif"}:
        folder = REPOSITORY.joinpath(*package.split(".")[1:])
        for path in folder.iterdir():
            if path.suffix in {".yaml", ".j2", ".html", ".css", ".js", ".csv", ".safetensors", ".json"}:
                assert path in shipped, f"{path.relative_to(REPOSITORY)} is in no package-data"
