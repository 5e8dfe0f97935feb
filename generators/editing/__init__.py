"""Editing a recording by an instruction in words."""
