"""A machine without weights, as the tests of `weights` have it."""

from tests.weights.conftest import caches, server

__all__ = ["caches", "server"]
