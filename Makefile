# make demo   the main job on a lab of real hosts on this machine
# make test   everything that can be checked here; real daemons and hosts need root on Debian 12
# make faults N=500   stop changes on the lab's hosts in every way at every step, and show what became of them (SEED=1; WHICH=changes or moves)
# make fuzz   N=1000000 hostile inputs over every parser, reader and answer; what breaks is kept in build/fuzz
# make daemons-long   2,000 random files and 500 changes for each real daemon and bindv6only; SEED=N has those of another run again
# make bench  what it costs, against what one would take instead (about ten minutes; writes docs/reference/speed.md)
# make lint   ruff, mypy --strict, import-linter, shellcheck
# make lab    start the lab and leave it running (make lab-down ends it)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test bench daemons-long faults fuzz lint format lab lab-down coverage clean

help:
	@sed -n 's/^# make/make/p' Makefile

# The virtual environment, made anew when what it holds has changed.
$(READY): pyproject.toml constraints.txt .ci/setup
	@PYTHON="$(PYTHON)" .ci/setup "$(VENV)"
	@touch $@

demo: $(READY)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.lab.demo

test: lint
	$(BIN)/pytest

faults: $(READY)
	@$(BIN)/python -m tests.faults $(or $(N),500) $(or $(SEED),1) $(WHICH)

fuzz: $(READY)
	$(BIN)/python -m tests.fuzz -n $(or $(N),1000000)

FILES ?= 2000
daemons-long: $(READY)
	@$(BIN)/python -m tests.daemons.long --files $(FILES) $(if $(CHANGES),--changes $(CHANGES)) $(if $(SEED),--seed $(SEED))

bench: $(READY)
	@$(BIN)/python -m tests.bench

coverage: $(READY)
	$(BIN)/pytest --cov --cov-report=term-missing:skip-covered

# The scripts use one another's words and call functions by name (SC2034, SC2154, SC2317); a test checks each program as a whole.
lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet . || { echo "make format mends this"; false; }
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports
	@if command -v shellcheck >/dev/null; then shellcheck -s sh -e SC2034,SC2154,SC2317 deploys/pyinfra_inet46/shell/*.sh .ci/run .ci/setup; else echo "shellcheck is missing: the scripts were not checked"; fi

format: $(READY)
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format --quiet .

lab: $(READY)
	@$(BIN)/python -m tests.lab up

lab-down:
	@$(PYTHON) -m tests.lab down

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
