.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup demo test dev lint lock clean

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1	/' | expand -t 18

setup: $(READY) ## Create .venv from requirements.lock

# The lock is complete, so nothing is left to resolve; uv installs it several times faster where there is one. Python
# compiles what is imported, so that compiling all beforehand is work for nothing; and PySpark's jars need no packing
# on the way from its archive to its folder.
$(READY): requirements.lock pyproject.toml setup.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	if command -v uv >/dev/null; then \
	  VIRTUAL_ENV=$(CURDIR)/$(VENV) uv pip install --quiet --no-deps --require-hashes -r requirements.lock; \
	else \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes \
	    --config-settings=--build-option=--compression=stored -r requirements.lock; \
	fi
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## Run all five sources end to end on this machine, against the simulator
	@$(BIN)/steam-assets demo

test: $(READY) ## Run every test that this machine can run
	@$(BIN)/python -m steam_assets_tests.lanes

dev: $(READY) ## Serve Dagit on live Steam, with an embedded Kafka
	@$(BIN)/steam-assets dev

lint: $(READY) ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright

lock: $(READY) ## Renew requirements.lock from pyproject.toml (needs uv)
	uv pip compile pyproject.toml --group dev --all-extras --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --custom-compile-command "make lock" --quiet --output-file requirements.lock

clean: ## Remove the environment and caches; never data
	rm -rf $(VENV) .pytest_cache .ruff_cache build dist *.egg-info
