# `make run` and `make test` do all that is needed on a machine with git, make and Python 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup run ui sample test test-fast chaos corruptions reference engines pictures docs bench load \
	spark spark-environment spark-worlds coverage lock licences vulnerabilities lint lint-python lint-dbt lint-sql

help:
	@echo "make run     calculate health (on sample data if there is no other) and print a summary"
	@echo "make ui      open Dagster: the assets, the checks, the runs; the night at 00:00 GMT while it is open"
	@echo "make sample  replace the sample data by new sample data up to today"
	@echo "make test    run every test"
	@echo "make test-fast  run the tests that need no warehouse, in a minute"
	@echo "make chaos   kill runs a hundred times, damage files, and look whether anything is lost or torn"
	@echo "make corruptions  corrupt the raw data in many ways, and write down what catches it"
	@echo "make reference  write the parts of docs/ that YAML and the catalogue say"
	@echo "make engines  count what sqlglot cannot say of the models in the SQL of other engines"
	@echo "make pictures  write the pictures of README.md, of what is published"
	@echo "make bench   measure the pipeline against others; SIZE=S (10,000 accounts), M or L for more"
	@echo "make load    run companies of extreme shapes, with little memory and with enough; SCALE=0.01 for less"
	@echo "make spark   calculate health on a Spark cluster of this machine, and hold it against DuckDB's; 40 minutes"
	@echo "make spark-worlds  hold Spark's health of random worlds against the reference; minutes a world, WORLDS=20"
	@echo "make lint    check style, types and imports of Python, and the dbt project; needs no warehouse"
	@echo "make coverage  measure what the tests of a marker run through; TESTS='unit or insight'"
	@echo "make docs    write dbt's documentation of all models as one page"
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

test-fast: setup
	$(BIN)/python -m pytest -n 2 -m unit

chaos: setup
	HEALTH_KILLS=100 $(BIN)/python -m pytest -s tests/night/test_kill.py tests/night/test_dagster_kill.py

lint: lint-python lint-dbt lint-sql

lint-python: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# dbt's own checks: what is deprecated or refers to nothing is an error.
lint-dbt: setup
	cd dbt_project && ../$(BIN)/dbt --quiet --warn-error parse --no-partial-parse --target-path target/lint

# sqlfluff compiles the models as dbt does. What they look up in a warehouse is looked up in a fresh
# one, over a handful of raw rows. The paths are absolute, because sqlfluff runs in dbt_project.
LINT := $(CURDIR)/data/lint
# SQL: the files and folders to look at; pre-commit names those that changed.
SQL ?= dbt_project/models dbt_project/tests
lint-sql: export HEALTH_RAW_DIR := $(LINT)/raw
lint-sql: export HEALTH_DB_PATH := $(LINT)/warehouse.duckdb
lint-sql: setup
	@rm -rf $(LINT) && $(BIN)/python -m orchestration.sample_data --folder $(LINT)/raw --accounts 5 --days 5
	$(BIN)/sqlfluff lint --processes 2 $(SQL)
	@rm -rf $(LINT)

# dbt's documentation of all models as one page that needs no web: dbt_project/target/static_index.html
docs: setup
	cd dbt_project && ../$(BIN)/dbt --quiet docs generate --static
	@echo "Open dbt_project/target/static_index.html"

# Of Python, by the tests of one marker, or of more: make coverage TESTS="unit or insight"
TESTS ?= unit
coverage: setup
	$(BIN)/coverage run -m pytest -n 2 -m "$(TESTS)"
	@$(BIN)/coverage combine --quiet && $(BIN)/coverage report

# Writes expectations/CORRUPTIONS.md; takes half an hour.
corruptions: setup
	@PYTHONPATH=.:tests/support:tests $(BIN)/python tests/support/run_corruptions.py

reference: setup
	@$(BIN)/python docs/write_reference.py

# What sqlglot cannot say of the models in other engines' SQL: docs/other_engines.md
engines: setup
	@PYTHONPATH=. $(BIN)/python docs/write_other_engines.py

pictures: setup
	@PYTHONPATH=tests/support $(BIN)/python docs/write_pictures.py

SIZE ?= XS
# Health dates of one long range; the aims are for 672, which take minutes more.
DATES ?= 60
bench: setup
	$(BIN)/python -m benchmarks --size $(SIZE)
	$(BIN)/python -m benchmarks.runs --dates $(DATES)
	$(BIN)/python -m benchmarks.pages

SCALE ?= 1
load: setup
	$(BIN)/python -m benchmarks.load --scale $(SCALE)

# Spark comes into an environment of its own, data/spark, from the package index; Java from the distribution.
spark-environment: setup
	@PYTHONPATH=. $(BIN)/python tests/support/spark_cluster.py

spark: setup
	@PYTHONPATH=.:tests/support $(BIN)/python tests/support/run_spark.py
	HEALTH_SPARK_NIGHT=1 $(BIN)/python -m pytest tests/pipeline/test_night_on_spark.py

WORLDS ?= 20
spark-worlds: spark-environment
	HEALTH_SPARK_WORLDS=$(WORLDS) $(BIN)/python -m pytest tests/pipeline/test_worlds_on_spark.py

lock: setup
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url \
		--generate-hashes --upgrade --extra dev --extra bench --extra weights --extra sign-in \
		pyproject.toml --output-file requirements.lock
	$(MAKE) licences

licences: setup
	@PYTHONPATH=.ci $(BIN)/python -m supply_chain.licences

vulnerabilities: setup
	@PYTHONPATH=.ci $(BIN)/python -m supply_chain.vulnerabilities
