.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup demo test dev lint lock clean

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1	/' | expand -t 18

setup: $(READY) ## Create .venv from requirements.lock

# The lock is complete, so nothing is left to resolve; uv installs it several times faster where there is one.
$(READY): requirements.lock pyproject.toml setup.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	if command -v uv >/dev/null; then \
	  VIRTUAL_ENV=$(CURDIR)/$(VENV) uv pip install --quiet --no-deps --require-hashes -r requirements.lock; \
	else \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock; \
	fi
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## Run all five sources end to end on this machine, against the simulator
	@$(BIN)/steam-assets demo

# Three lanes side by side, about equally long, each with one broker and at most one Spark session. Whole processes stand
# in front, as a shell lets its background processes ignore Ctrl-C and some tests are of just that.
test: $(READY) ## Run every test that this machine can run
	@mkdir -p build; \
	$(BIN)/python -m pytest -m "spark and not fault" --durations=12 >build/tests-with-spark.txt 2>&1 & spark=$$!; \
	$(BIN)/python -m pytest -m "not process and (fault or not spark)" --durations=12 >build/tests.txt 2>&1 & others=$$!; \
	trap "kill $$spark $$others 2>/dev/null" INT TERM; \
	status=0; \
	$(BIN)/python -m pytest -m process --durations=12 || status=1; \
	wait $$others || status=1; \
	wait $$spark || status=1; \
	cat build/tests.txt build/tests-with-spark.txt; \
	exit $$status

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
