# `make run` and `make test` do all that is needed on a machine with git, make and Python 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup run ui sample test chaos corruptions reference bench load lint lock licences \
	vulnerabilities

help:
	@echo "make run     calculate health (on sample data if there is no other) and print a summary"
	@echo "make ui      open Dagster: the assets, the checks, the runs; the night at 00:00 GMT while it is open"
	@echo "make sample  replace the sample data by new sample data up to today"
	@echo "make test    run every test"
	@echo "make chaos   kill runs a hundred times, damage files, and look whether anything is lost or torn"
	@echo "make corruptions  corrupt the raw data in many ways, and write down what catches it"
	@echo "make reference  write the parts of docs/ that YAML and the catalogue say"
	@echo "make bench   measure the pipeline against others; SIZE=S (10,000 accounts), M or L for more"
	@echo "make load    run companies of extreme shapes, with little memory and with enough; SCALE=0.01 for less"
	@echo "make lint    check the style of SQL and Python"
	@echo "make lock    renew requirements.lock and docs/licences.md from pyproject.toml"
	@echo "make vulnerabilities  look the locked packages up among the known vulnerabilities"

setup: .venv/.ready

# Everything comes from the lock file, each package checked against its hashes: what the extras need
# as well, and what builds this project, which asks no index for anything. The lock is complete, and
# without --no-deps pip takes `gql[requests]`, which a package asks for, for one that is not pinned.
.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name it with: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
		--requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

run: setup
	@$(BIN)/health run

ui: setup
	@$(BIN)/health ui

sample: setup
	@$(BIN)/health sample

test: setup
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

chaos: setup
	HEALTH_KILLS=100 $(BIN)/python -m pytest -s tests/test_kill.py tests/test_dagster_kill.py

# sqlfluff compiles the models as dbt does, which takes a warehouse to read from. The paths are
# absolute, because sqlfluff does not run in dbt_project.
WAREHOUSE := data/warehouse.duckdb
lint: export HEALTH_RAW_DIR := $(CURDIR)/data/raw
lint: export HEALTH_DB_PATH := $(CURDIR)/$(WAREHOUSE)
lint: setup $(WAREHOUSE)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/sqlfluff lint dbt_project/models dbt_project/tests

$(WAREHOUSE): | setup
	@$(BIN)/health run

# Writes expectations/CORRUPTIONS.md; takes half an hour.
corruptions: setup
	@PYTHONPATH=.:tests $(BIN)/python tests/run_corruptions.py

reference: setup
	@$(BIN)/python docs/write_reference.py

SIZE ?= XS
# Health dates of one long range; the aims are for 672, which take minutes more.
DATES ?= 60
bench: setup
	$(BIN)/python -m benchmarks --size $(SIZE)
	$(BIN)/python -m benchmarks.runs --dates $(DATES)

SCALE ?= 1
load: setup
	$(BIN)/python -m benchmarks.load --scale $(SCALE)

lock: setup
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url \
		--generate-hashes --upgrade --extra dev --extra bench pyproject.toml \
		--output-file requirements.lock
	$(MAKE) licences

licences: setup
	@$(BIN)/python -m supply_chain.licences

vulnerabilities: setup
	@$(BIN)/python -m supply_chain.vulnerabilities
