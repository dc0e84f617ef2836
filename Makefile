# make help says what there is. Nothing here needs root; everything lands in this folder.
SHELL := /bin/sh
BIN := .venv/bin
# Processes that run tests side by side.
JOBS ?= 2
# More for pytest: make check PYTEST='-k lif'
PYTEST ?=
MODEL ?= lif_10

# Mutants in a sample, its seed, and the files or folders it is drawn from (all of core and backends).
N ?= 60
SEED ?= 1
ONLY ?=

.PHONY: help setup demo test check test-all lint format types tests mutants bench clean distclean
.DEFAULT_GOAL := help

help:
	@echo 'make demo       set up, then run $(MODEL) on every simulator and compare: demo/'
	@echo 'make test       set up, then every check: format, lint, layers, types, tests'
	@echo 'make check      the same checks, without setting up'
	@echo 'make test-all   make test with the slow tests'
	@echo 'make format     put the code into the form that the checks want'
	@echo 'make mutants    change one thing at a time in core and backends: which changes does no test see?'
	@echo 'make bench      set up, then measure speed; prints ratios'
	@echo 'make clean      remove what was built, written and cached here, but not .venv'
	@echo 'make distclean  remove .venv too'
	@echo
	@echo 'PYTHON=python3.12   the Python for .venv (default: the first of 3.11, 3.12, 3.13)'
	@echo 'TORCH=default       the torch of PyPI, with CUDA, although no NVIDIA card is seen'
	@echo 'MODEL=$(MODEL)        the model of make demo'
	@echo 'JOBS=$(JOBS)              processes that run tests side by side'
	@echo "PYTEST='-k lif'     more for pytest"
	@echo 'N=$(N) SEED=$(SEED) ONLY=core/swc.py   the sample of make mutants'

setup:
	@.ci/setup

demo: setup
	@echo '== coincide compare $(MODEL) --mode raw lockstep --out demo'
	@$(BIN)/coincide compare $(MODEL) --mode raw lockstep --out demo

test: setup
	@$(MAKE) --no-print-directory check

test-all: setup
	@$(MAKE) --no-print-directory check PYTEST='-m "" $(PYTEST)'

# One command per line: in `a && b` a failing a would not stop the rest.
check: lint types tests
	@echo '== All checks passed.'

lint:
	@echo '== ruff format --check'
	@$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --check .; echo '== make format puts that right'; exit 1; }
	@echo '== ruff check'
	@$(BIN)/ruff check --quiet .
	@echo '== lint-imports: who may import whom'
	@$(BIN)/lint-imports --no-logo --cache-dir .import_linter_cache

types:
	@echo '== mypy --strict'
	@.ci/types

tests:
	@echo '== pytest'
	@$(BIN)/pytest -q -n $(JOBS) --dist worksteal $(PYTEST)

format:
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format .

mutants: setup
	@echo '== Mutants: $(N) of seed $(SEED)'
	@$(BIN)/python .ci/mutants.py -n $(N) --seed $(SEED) -j $(JOBS) --only $(ONLY)

bench: setup
	@echo '== coincide bench'
	@$(BIN)/coincide bench

clean:
	@echo '== Removing build, demo and the caches; .venv stays'
	@rm -rf build dist demo htmlcov .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .typing *.egg-info
	@find . -name .venv -prune -o -name .git -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +

distclean: clean
	@echo '== Removing .venv'
	@rm -rf .venv
