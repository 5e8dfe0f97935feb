"""Each script that measures quality can be started."""

import importlib
import pkgutil

import pytest

import bench.quality


@pytest.mark.parametrize("name", [found.name for found in pkgutil.iter_modules(bench.quality.__path__)])
def test_what_a_script_imports_is_there(name: str) -> None:
    importlib.import_module(f"bench.quality.{name}")
