# `make demo` and `make test` are all a newcomer needs; both set up .venv first.
PYTHON ?= python3
UV := .tools/bin/uv
VENV := .venv
BIN := $(VENV)/bin
DEMO ?= curated-demo

.PHONY: help demo test soak setup check format bench predict screenshots lock clean

help:
	@echo "make demo     set up, then sort a small real Unsorted folder before your eyes"
	@echo "make test     set up, then run the tests"
	@echo "make soak     10,000 kills, 600 power cuts and every other promise (root: power cuts and full disks too)"
	@echo "make setup    the environment only (.venv)"
	@echo "make check    ruff, ruff format, mypy --strict, import-linter: what CI runs"
	@echo "make bench    the benchmarks"
	@echo "make screenshots  the README's pictures of the review, from a demo library of its own"
	@echo "make predict  train on what you kept and trashed, and score the rest"

demo: setup
	$(BIN)/curated demo $(DEMO)

test: setup
	$(BIN)/pytest

setup: $(VENV)/.ready

# uv, taken by pip into a folder of its own: neither the venv module nor write access to the system is needed.
$(UV):
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target .tools uv

$(VENV)/.ready: requirements.lock pyproject.toml | $(UV)
	test -x $(BIN)/python || $(UV) venv --quiet --python "$$(command -v $(PYTHON))" $(VENV)
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	$(BIN)/curated models prepare
	touch $@

# The full counts of every promise in docs/safety.md, whose table it writes; under twenty minutes on two quiet cores.
soak: setup
	$(BIN)/python -m tests.support.faults_run docs/safety-figures.json docs/safety.md

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup
	$(BIN)/python -m benchmarks

predict: setup
	$(BIN)/curated predict

screenshots: setup
	$(BIN)/python tools/screenshots.py docs/screens

lock: | $(UV)
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate \
		--python-version 3.11 --group dev pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) .tools
