# Two commands for a newcomer: `make demo` and `make test`. Needs Python 3.11 or newer with pip, and make.
# the Python below any environment that is switched on, since ours may be the one that is made anew
PYTHON ?= $(shell python3 -c 'import sys; print(getattr(sys, "_base_executable", sys.executable))')
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help demo test thorough compat browser check lab site screenshots bench lock

help: ## show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.stamp ## set up, then release the course, grade a demo class and print its tables
	@autograder demo

TESTS := pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder
test: $(VENV)/.stamp ## run the tests, on all cores
	@$(TESTS) -m "not browser and not thorough"

thorough: $(VENV)/.stamp ## run those that take longest: attacks as the other user too, and a class whose graders are killed
	@$(TESTS) -m thorough

compat: $(VENV)/.stamp ## run nbgrader's own tests under its engine and under ours, and hold what differs (half an hour)
	@python tests/compat/run.py

browser: $(VENV)/.stamp ## run the tests in a real browser (needs Chromium and npm)
	@npm install --prefix tests/browser --silent
	@pytest -m browser tests/browser

check: $(VENV)/.stamp ## lint, format and types
	@ruff check . && ruff format --check . && mypy

lab: $(VENV)/.stamp ## open JupyterLab with the notebooks and nbgrader's pages
	@jupyter lab --ServerApp.root_dir="$(CURDIR)" $$([ "$$(id -u)" != 0 ] || echo --allow-root)

site: $(VENV)/.stamp ## write the course as a static site into site/: explorers that need no kernel
	@autograder site

screenshots: $(VENV)/.stamp ## make the README's screenshots anew (needs Chromium)
	@python assets/make_screenshots.py

bench: $(VENV)/.stamp ## measure, and print the numbers that the README quotes
	@python tests/bench.py

lock: $(VENV)/.stamp ## write requirements.lock anew (asks the package registry)
	@uv pip compile pyproject.toml --extra dev --universal --generate-hashes --no-header --no-annotate \
	    --python-version 3.11 --no-emit-index-url --output-file requirements.lock --quiet

$(VENV)/.stamp: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up $(VENV), once: about a minute on a fresh machine"
	@$(PYTHON) -m venv --clear --without-pip $(VENV)
	@set -e; while sleep 2; do printf .; done & dots=$$!; trap "kill $$dots; echo" EXIT; \
	    $(PYTHON) -m pip --python $(BIN)/python install -qq --disable-pip-version-check pip uv; \
	    export VIRTUAL_ENV="$(CURDIR)/$(VENV)"; \
	    $(BIN)/uv pip install --quiet --no-deps --compile-bytecode -r requirements.lock; \
	    $(BIN)/uv pip install --quiet --no-deps -e .
	@touch $@
