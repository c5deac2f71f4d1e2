.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup demo test dev lint lock clean

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1	/' | expand -t 18

setup: $(READY) ## Create .venv from requirements.lock

# uv installs in a third of pip's time. It does not know pip's own index or certificates: where it fails, pip does it. Python
# compiles what is imported, and PySpark's jars need no packing on the way from its archive to its folder.
LOCKED := --quiet --no-deps --require-hashes --config-settings=--build-option=--compression=stored -r requirements.lock
PIP := $(BIN)/python -m pip --disable-pip-version-check

$(READY): requirements.lock installer.lock pyproject.toml setup.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.11"; exit 1; }
	@case "$$PWD" in *[{}$$:]*) echo "A checkout cannot be installed below a folder with {, }, $$ or : in its name ($$PWD); move it"; exit 1;; esac
	$(PYTHON) -m venv $(VENV)
	{ $(PIP) install --quiet --require-hashes -r installer.lock && VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install $(LOCKED); } || \
	  { echo "uv could not install the packages (see above); pip does it, in a minute or two"; $(PIP) install --no-compile $(LOCKED); }
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## Run all five sources end to end on this machine, against the simulator
	@$(BIN)/steam-assets demo

test: $(READY) ## Run every test that this machine can run
	@$(BIN)/python -m steam_assets_tests.lanes

dev: $(READY) ## Serve the Dagster UI on live Steam, with an embedded Kafka
	@$(BIN)/steam-assets dev

lint: $(READY) ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright

COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --custom-compile-command "make lock" --quiet

lock: $(READY) ## Renew requirements.lock from pyproject.toml, and installer.lock
	$(COMPILE) pyproject.toml --group dev --all-extras --output-file requirements.lock
	echo uv | $(COMPILE) - --output-file installer.lock

clean: ## Remove the environment and caches; never data
	rm -rf $(VENV) .pytest_cache .ruff_cache build dist *.egg-info
