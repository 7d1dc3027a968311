# Everything happens in .venv, from locked dependencies: a person needs Python 3.11 or newer and make.
SHELL := /bin/sh
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14; do \
  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$python"; break; }; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
CHECKED := tui tests benchmarks docs
# Tests and benchmarks start hundreds of programs; without bytecode each of them would compile all of ours anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo run test lint live bench pictures man lock clean
help:
	@echo "make demo      the panel on a simulated fleet"
	@echo "make run       the panel on the fleet of this folder's config.toml"
	@echo "make test      all tests that need no other servers"
	@echo "make lint      ruff, mypy, import contracts"
	@echo "make live      against real LiteLLM, llama-swap and Ollama, installed apart"
	@echo "make bench     speed beside a bare Textual app and a bare HTTP client"
	@echo "make pictures  the pictures of the README, from the running panel"
	@echo "make man       the man page, from the commands themselves"
	@echo "make lock      choose dependencies anew, as pyproject.toml allows"
	@echo "make clean     remove what the others made"

demo: .venv/runtime
	@$(BIN)/python -m tui --demo

run: .venv/runtime
	@$(BIN)/python -m tui --config config.toml

test: .venv/development
	@$(BIN)/python -m pytest -n 3 --dist loadscope

lint: .venv/development
	@$(BIN)/ruff check $(CHECKED)
	@$(BIN)/ruff format --check $(CHECKED)
	@$(BIN)/mypy
	@$(BIN)/lint-imports

live: .venv/development
	@$(BIN)/python -m tests.live

bench: .venv/development
	@$(BIN)/python -m benchmarks

pictures: .venv/development
	@$(BIN)/python -m docs.pictures

man: .venv/development
	@$(BIN)/python -m docs.man_page

.venv/python:
	@test -n "$(PYTHON)" || { echo "fleetdeck needs Python 3.11 or newer; none was found (PYTHON=/path/to/python make … names one)." >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv module; install it (on Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }
	@"$(PYTHON)" -m venv .venv
	@touch $@

.venv/runtime: .venv/python requirements.lock
	@echo "installing what requirements.lock names …"
	@$(PIP) install --require-hashes -r requirements.lock
	@touch $@

.venv/development: .venv/python requirements-dev.lock pyproject.toml
	@echo "installing what requirements-dev.lock names …"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation --no-index -e .
	@touch $@ .venv/runtime

# Locks hold versions and hashes, never the address of an index.
lock: .venv/python
	@$(PIP) install 'uv>=0.8'
	@$(BIN)/uv pip compile $(LOCK) -o requirements.lock pyproject.toml
	@$(BIN)/uv pip compile $(LOCK) --group pyproject.toml:dev -o requirements-dev.lock pyproject.toml
LOCK := --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url

clean:
	rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis snapshot_report.html
	find tui tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +
