"""Removes what must not be kept, everywhere that it lies."""
