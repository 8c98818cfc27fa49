# Every recipe of the project; `make` lists them. All of them work on a fresh clone: they make .venv first.

BIN := .venv/bin
EXAMPLE ?= examples/estuary-guide
MEMBERS := $(wildcard libs/*/pyproject.toml services/*/pyproject.toml embedded/pyproject.toml cli/pyproject.toml)
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo stack test lint types fmt lock schemas bench clean

help: ## list the recipes
	@awk -F ':[^#]*## ' '/^[a-z]+:[^#]*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/ready ## make .venv from requirements.lock (needs only Python 3.11 or newer)

.venv/ready: requirements.lock requirements-editable.txt $(MEMBERS)
	@tools/setup
	@touch $@

demo: setup ## plan, schedule and run the example in one process, until people are waited for
	$(BIN)/orchestra run $(EXAMPLE)/requirements.md --team $(EXAMPLE)/team.yaml --plan $(EXAMPLE)/plan.yaml --yes --until-people $(ARGS)

stack: setup ## the five services as processes, on PostgreSQL, RabbitMQ and Redis
	$(BIN)/orchestra stack $(ARGS)

test: setup ## the whole test suite (ARGS="-k words" selects)
	$(BIN)/pytest $(ARGS)

lint: setup ## style and import rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-cache

types: setup ## strict types on every src folder
	$(BIN)/basedpyright

fmt: setup ## format and mend what can be mended
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lock: setup ## resolve pyproject.toml into requirements.lock (ARGS=--upgrade for newer versions)
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --custom-compile-command "make lock" \
	    $$(sed -n 's|^-e .*/|--no-emit-package orchestra-|p' requirements-editable.txt) \
	    --group dev --group bench pyproject.toml --output-file requirements.lock $(ARGS)

schemas: setup ## write the JSON Schema snapshot of every event, and the table of them all
	$(BIN)/python -m tools.schemas
	$(BIN)/python -m tools.event_table

bench: setup ## the engine's speed beside its floor
	$(BIN)/python -m bench.engine --workload dag1000 --runtime embedded $(ARGS)

clean: ## remove .venv and caches; runs and their records stay
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
