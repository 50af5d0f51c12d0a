# The commands for a user of this clone. Settings are RETENTION_* variables; `.venv/bin/retention --help` lists
# the commands of the platform itself.
.DEFAULT_GOAL := help
.PHONY: help setup run down test acceptance lint bench architecture
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CANDIDATES := $(PYTHON) python3.11 python3.12 python3 python

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED)  ## Create .venv, install the pinned packages, prepare Java (once)

run: setup  ## Start the services, run the whole graph, deploy the champion, ask for one prediction
	@$(BIN)/retention run

down:  ## Stop the services that `make run` started
	@if [ -x $(BIN)/retention ]; then $(BIN)/retention down; fi

test: setup  ## Run the tests, on two cores; the long ones are in `make acceptance`
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not long"

acceptance: setup  ## Run the long tests: UI, sensors, HTTP on a running platform; real invoices; random deliveries
	@SPARK_SUBMIT_OPTS= $(BIN)/python -m pytest -v retention_assets_tests/acceptance \
		retention_assets_tests/test_online_retail.py retention_assets_tests/ingestion/test_random_deliveries.py

lint: setup  ## Check style, types and the import order of the stages
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/pyright && $(BIN)/lint-imports

bench: setup  ## Measure every published figure
	@for script in $(filter-out benchmarks/report.py benchmarks/bare_fastapi.py benchmarks/churn_training.py benchmarks/duckdb_features.py,$(wildcard benchmarks/*.py)); do OMP_WAIT_POLICY=PASSIVE $(BIN)/python $$script || exit 1; done

architecture: setup  ## Draw the import graph of the stages (docs/architecture.svg)
	@$(BIN)/python tools/architecture.py

$(INSTALLED): pyproject.toml constraints.txt retention_assets/services/java_archive.py
	@supported='import sys, ensurepip; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))'; \
	for name in $(BIN)/python $(CANDIDATES); do \
	  if "$$name" -c "$$supported" >/dev/null 2>&1; then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "No Python 3.11 or 3.12 with venv was found. Fix: install one, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; \
	fi; \
	[ "$$python" = $(BIN)/python ] || "$$python" -m venv --clear $(VENV)
	@echo "Installing the pinned packages into $(VENV) (about 2 minutes) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --constraint constraints.txt \
		--editable '.[dev,bench]'
	@$(BIN)/python -m compileall -q retention_assets serve  # the first run does not compile Python
	@$(BIN)/retention setup
	@touch $@
