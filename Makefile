# Everything runs in .venv, made from the pinned versions. A fresh machine needs Python 3.11 and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
OUT ?= demo-out

.PHONY: setup demo test test-slow check bench mini clean

setup: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: setup
	$(BIN)/leitmotif demo --out $(OUT)

test: setup
	$(BIN)/pytest -q

test-slow: setup
	$(BIN)/pytest -q -m slow

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q

# make bench ONLY=motion runs one group.
bench: setup
	$(BIN)/python -m bench $(ONLY)

mini: setup
	$(BIN)/python -m encoders.mini.make

clean:
	rm -rf .venv demo-out .mypy_cache .ruff_cache .pytest_cache
