# Every target does its own set-up. `make` alone lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo up down test test-slow fuzz bench evaluate evaluate-full check docs lock clean

BIN := .venv/bin
RUN := env -u PYTHONDONTWRITEBYTECODE
PYTEST := $(RUN) $(BIN)/python -m pytest

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make the locked environment in .venv
	@scripts/setup.sh

demo: setup ## a made-up world, twelve days, Airflow, reviewed reports: the whole thing
	@scripts/demo.sh

up: setup ## start Airflow in the background and print its address
	@scripts/up.sh

down: setup ## stop Airflow
	@scripts/down.sh

test: setup ## the tests that need no more than this machine and end within minutes
	$(PYTEST) -m "not slow" --numprocesses auto --dist loadfile $(ARGS)

test-slow: setup ## the tests that take minutes each
	$(PYTEST) -m slow --numprocesses auto --dist loadfile $(ARGS)

fuzz: setup ## mutated inputs through every parser, five minutes or FUZZ_SECONDS
	$(RUN) $(BIN)/python -m tests.fuzz --seconds $(or $(FUZZ_SECONDS),300) $(ARGS)

bench: setup ## benchmarks; each prints ratios against a baseline measured in the same run
	$(RUN) $(BIN)/python -m benchmarks.run $(ARGS)

evaluate: setup ## the score table on small worlds, with competitors; about an hour
	@scripts/install_bench.sh
	$(RUN) OMP_NUM_THREADS=1 $(BIN)/stillwatch evaluate --plan quick --jobs 2 $(ARGS)

evaluate-full: setup ## the score table on all worlds and ten seeds; many hours
	@scripts/install_bench.sh
	$(RUN) OMP_NUM_THREADS=1 $(BIN)/stillwatch evaluate --plan full --jobs 2 $(ARGS)

check: setup ## format, lint, types, import contracts: what CI runs beside the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(RUN) $(BIN)/mypy
	$(RUN) $(BIN)/lint-imports
	$(BIN)/sqlfluff lint --disable-progress-bar dbt_project/models dbt_project/analyses
	$(RUN) $(BIN)/python -m stillwatch.orchestration.docs --check
	$(RUN) $(BIN)/python -m stillwatch.docs_generator --check
	$(RUN) $(BIN)/python -m stillwatch.transform.signal_docs --check

docs: setup ## write the generated pages again
	$(RUN) $(BIN)/python -m stillwatch.orchestration.docs
	$(RUN) $(BIN)/python -m stillwatch.docs_generator
	$(RUN) $(BIN)/python -m stillwatch.transform.signal_docs

lock: setup ## resolve the dependencies again and write the two lock files
	@scripts/lock.sh

clean: ## remove the demo: var/ and landing/, if the demo made them
	@test -f var/demo/progress.json || { echo "var/ was not made by the demo: left alone"; exit 1; }
	@scripts/down.sh
	rm -rf var landing
