# Everything runs from .venv, which is made and filled when first needed (PYTHON=… chooses with what).
# The stamps in .venv remember what is installed, so that a second run starts at once.

PYTHON ?=
PORT_OFFSET ?= 0
SCALE ?=
SERVICES ?=
ARGS ?=
# What pip writes for an import from here is UTF-8, and would be read in the locale's encoding: below
# an accented directory nothing could be imported.
export PYTHONUTF8 := 1
export PORT_OFFSET SCALE SERVICES
# A CONFIG of the environment may be another program's.
ifeq ($(origin CONFIG),command line)
export GATEWAY_CONFIG := $(CONFIG)
endif

BIN := .venv/bin
EXTRAS_run := gateway
EXTRAS_test := gateway,test
EXTRAS_check := gateway,test,dev

# What is said to this make is not meant for the makes that the tests run.
CLEANLY := env -u MAKEFLAGS -u MFLAGS -u ARGS -u PORT_OFFSET -u SCALE -u SERVICES
PYTEST := -m pytest -n auto --dist loadgroup
# Those that measure the data plane; what the others start is killed, or watched for its time.
MEASURED := tests/unit tests/http

.PHONY: help install up down restart ps logs test check bench chaos wheel
.DEFAULT_GOAL := help

help:
	@echo 'make up       install, start registry, services and gateway in the background, wait for them'
	@echo 'make down     stop all of it            make restart  both'
	@echo 'make ps       what runs                 make logs     its logs, one JSON object a line'
	@echo 'make install  only install              make test     the whole test suite'
	@echo 'make check    formatting, lint, types, import contracts, tests, coverage of the data plane'
	@echo 'make bench    side by side with whichever peers are installed (ARGS=--quick: in short)'
	@echo 'make wheel    a wheel for this Python with the way of a request as machine code, in dist/'
	@echo 'make chaos    kill, hang and empty everything under load (ARGS=--short: in short)'
	@echo 'make up on a stack that runs starts anew what has other settings or code than asked for.'
	@echo 'PORT_OFFSET=20000 is added to every port; SCALE="price_service=3" starts more instances;'
	@echo 'CONFIG=lockgate.yaml names a configuration file with routes and policies;'
	@echo 'SERVICES=none, or "price_service signal_service": fewer than the five example services;'
	@echo 'ARGS=… goes to lockgate or pytest; PYTHON=python3.13 makes .venv with that Python.'

install: .venv/run.installed
	@echo 'installed in .venv; make up starts the stack'

up: .venv/run.installed
	@$(BIN)/lockgate up $(ARGS)

# These work with whatever is installed: no update, no network.
down restart ps: | $(BIN)/lockgate
	@$(BIN)/lockgate $@ $(ARGS)

logs: | $(BIN)/lockgate
	@$(BIN)/lockgate logs --json $(ARGS)

# The tests run make up: what it needs must not be installed in their midst.
test: .venv/run.installed .venv/test.installed
	@$(CLEANLY) $(BIN)/python $(PYTEST) $(ARGS)

check: .venv/run.installed .venv/check.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/coverage erase
	$(CLEANLY) $(BIN)/coverage run $(PYTEST) $(MEASURED) $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
	$(CLEANLY) $(BIN)/python $(PYTEST) $(MEASURED:%=--ignore=%) $(ARGS)

bench: .venv/run.installed .venv-bench/installed
	@$(BIN)/python -m bench $(ARGS)

chaos: .venv/run.installed .venv-bench/installed
	@$(BIN)/python -m bench.chaos --write docs/chaos.md $(ARGS)

# mypyc reads the types of the libraries that are imported, so it is done where they are installed.
wheel: .venv/run.installed .venv/check.installed
	LOCKGATE_COMPILE=1 $(BIN)/python -m pip wheel --no-build-isolation --no-deps --wheel-dir dist .

$(BIN)/lockgate:
	@$(MAKE) --no-print-directory install >&2

.venv/%.installed: setup.cfg setup.py pyproject.toml .ci/install | $(BIN)/python
	@.ci/install $(EXTRAS_$*)
	@touch $@

$(BIN)/python:
	@.ci/create-venv "$(PYTHON)"

.venv-bench/installed: bench/make-venv | $(BIN)/python
	@bench/make-venv
	@touch $@
