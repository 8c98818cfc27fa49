# Every recipe of the project; `make` lists them. All of them work on a fresh clone: they make .venv first.

BIN := .venv/bin
EXAMPLE ?= examples/estuary-guide
# With a key of a provider an AI agent does a part of the demonstration, for at most 0.50 USD.
WITH := $(if $(ANTHROPIC_API_KEY),-with-agents)
ifneq ($(ANTHROPIC_API_KEY),)
demo: export ORCHESTRA_BUDGET_PROJECT_USD ?= 0.50
endif
MEMBERS := $(wildcard libs/*/pyproject.toml services/*/pyproject.toml embedded/pyproject.toml cli/pyproject.toml)
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo stack test faults lint types fmt lock docs schemas bench clean

help: ## list the recipes
	@awk -F ':[^#]*## ' '/^[a-z]+:[^#]*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/ready ## make .venv from requirements.lock (needs only Python 3.11 or newer)

.venv/ready: requirements.lock requirements-editable.txt $(MEMBERS)
	@tools/setup
	@touch $@

demo: setup ## plan, schedule and run the example in one process, until people are waited for
	$(BIN)/orchestra run $(EXAMPLE)/requirements.md --team $(EXAMPLE)/team$(WITH).yaml --plan $(EXAMPLE)/plan$(WITH).yaml --yes --until-people $(ARGS)

stack: setup ## the five services as processes, on PostgreSQL, RabbitMQ and Redis
	$(BIN)/orchestra stack $(ARGS)

test: setup ## the whole test suite, on all processors (ARGS="-k words" selects, ARGS="-n 0" spreads nothing)
	$(BIN)/pytest -n auto $(ARGS)

faults: setup ## the long forms of the fault tests (ORCHESTRA_FAULT_SEED=n has the same faults again)
	ORCHESTRA_FAULTS=long $(BIN)/pytest -n 0 -s tests/faults $(ARGS)

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

docs: schemas ## write what is made from code (schemas, tables, API files), and build the site of all documents in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

schemas: setup
	$(BIN)/python -m tools.documents

bench: setup ## the engine's speed beside its floor
	$(BIN)/python -m bench.engine --workload dag1000 --runtime embedded $(ARGS)

clean: ## remove .venv and caches; runs and their records stay
	rm -rf .venv site .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
