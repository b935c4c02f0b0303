# Each target makes what it needs: a virtual environment of its own, and what is to be installed in it.
# PYTHON=… picks the interpreter; otherwise the first of these that is 3.11 or newer.

PYTHON ?= $(shell for candidate in python3.13 python3.12 python3.11 python3 python; do \
	"$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& echo "$$candidate" && break; done)

# The lowest versions have ready-made wheels for the oldest Python only.
LOWEST_PYTHON ?= $(shell for candidate in python3.11 "$(PYTHON)"; do \
	"$$candidate" --version >/dev/null 2>&1 && echo "$$candidate" && break; done)

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCH := .venv-bench
BENCH_READY := $(BENCH)/.ready
BENCH_NODE := bench/node_modules/.package-lock.json
LOWEST := .venv-lowest
LOWEST_READY := $(LOWEST)/.ready

# The tests of real processes share the machine: two at a time keeps their time limits honest.
PYTEST := -m pytest -n 2 --durations=10

.PHONY: help demo test check bench soak test-lowest format clean

help:
	@echo "make demo         start a sample, kill the host in the middle, watch it carry on"
	@echo "make test         the test suite, without the long runs"
	@echo "make check        lint, format, types, import contracts"
	@echo "make bench        speed beside other systems; needs Node (npm) for the Restate server"
	@echo "make soak         the long runs"
	@echo "make test-lowest  the faster tests with the lowest versions that we allow"
	@echo "make format       put the code into its format"
	@echo "make clean        remove what the targets above made"

demo: $(READY)
	$(BIN)/python samples/demo.py

test: $(READY)
	$(BIN)/python $(PYTEST) -m "not soak"

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

bench: $(BENCH_READY) $(BENCH_NODE)
	$(BENCH)/bin/python -m bench

soak: $(READY)
	$(BIN)/python -m pytest -m soak --timeout=0

test-lowest: $(LOWEST_READY)
	$(LOWEST)/bin/python $(PYTEST) -m "not soak" --ignore=tests/e2e

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(BENCH) $(LOWEST) bench/node_modules build dist bench.json
	rm -rf .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find host bindings tests samples bench -name __pycache__ -type d -prune -exec rm -rf {} +
	find samples bench -name .funchost -type d -prune -exec rm -rf {} +

# An environment is made once and brought up to date when the file that it is made from has changed.

$(READY): pyproject.toml
	$(call need_python)
	test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

$(BENCH_READY): pyproject.toml bench/requirements.txt
	$(call need_python)
	test -x $(BENCH)/bin/python || "$(PYTHON)" -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --requirement bench/requirements.txt --editable .
	touch $@

$(BENCH_NODE): bench/package-lock.json
	@command -v npm >/dev/null || { echo "make bench needs Node: npm is not on the PATH"; exit 2; }
	npm ci --prefix bench --ignore-scripts --no-audit --no-fund
	touch $@

$(LOWEST_READY): pyproject.toml tests/constraints-lowest.txt
	$(call need_python)
	test -x $(LOWEST)/bin/python || "$(LOWEST_PYTHON)" -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --constraint tests/constraints-lowest.txt --editable '.[dev]'
	touch $@

need_python = @test -n "$(PYTHON)" || { echo "Python 3.11 or newer was not found; name one with PYTHON=/path/to/python"; exit 2; }
