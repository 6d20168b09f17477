# Leja: the tasks. A bare `make` lists them.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
READY := $(VENV)/.ready
TEST_TOOLS := $(VENV)/.tools

.DEFAULT_GOAL := help
.PHONY: help setup demo test quick soak bench lint docs lock clean

help:  ## list the tasks
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

setup: $(READY)  ## the virtual environment with Leja in it

$(READY): requirements/run.txt pyproject.toml
	@bash scripts/prepare $(PYTHON)
	$(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(TEST_TOOLS): $(READY) requirements/dev.txt requirements/oracles.txt
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	# Oracles are separate programs that tests run as processes; they get an environment of their own.
	$(PYTHON) -m venv $(VENV)/oracles
	$(VENV)/oracles/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/oracles.txt
	@bash scripts/system-packages hledger
	@touch $@

demo: $(READY)  ## a season of sales through the sandbox: shop, books and two accounting systems agree
	$(RUN)/leja demo $(ARGS)

lint: $(TEST_TOOLS)  ## ruff and strict mypy
	$(RUN)/ruff check src tests bench
	$(RUN)/mypy

test: lint  ## everything: lint, types, all tests
	$(RUN)/pytest -n 2 --dist loadfile -q $(ARGS)

quick: lint  ## the tier for every change, under three minutes
	$(RUN)/pytest -n 2 --dist loadfile -q -m "not slow" $(ARGS)

soak: $(TEST_TOOLS)  ## the crash proof at length: 500 seeded runs, resumable; a line each, a histogram at the end
	# Runs wait more than they work: several at once, each process with a database of its own; then the histogram of all.
	export LEJA_CRASH_RUNS=$${LEJA_CRASH_RUNS:-500} LEJA_CRASH_RESUME=1; \
	$(RUN)/pytest -n $${LEJA_CRASH_JOBS:-3} --dist load -q tests/crash -k "no_sale" $(ARGS); first=$$?; \
	LEJA_BUSINESS_RUNS=$${LEJA_BUSINESS_RUNS:-10} LEJA_EVERY_FOLDER=1 $(RUN)/pytest -q tests/crash tests/connectors/test_folders.py $(ARGS) && exit $$first

bench: $(TEST_TOOLS)  ## ratios measured in one run, as a table and as JSON
	$(RUN)/python -m bench $(ARGS)

docs: $(TEST_TOOLS)  ## check that the documents name every setting, error and command
	$(RUN)/pytest -q tests/house/test_documents.py

lock:  ## renew the lock files
	$(RUN)/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --allow-unsafe --strip-extras -o requirements/run.txt requirements/run.in
	$(RUN)/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --allow-unsafe --strip-extras -o requirements/dev.txt requirements/dev.in
	$(RUN)/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --allow-unsafe --strip-extras -o requirements/oracles.txt requirements/oracles.in

clean:  ## remove the virtual environment
	rm -rf $(VENV)
