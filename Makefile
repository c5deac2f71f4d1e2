.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup tour demo test soak bench bench-large dev lint docs reference lineage screenshots coverage lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1	/' | expand -t 18

setup: $(READY) ## Create .venv from requirements.lock

# uv takes a third of pip's time, but does not read pip's index and certificate settings: if it fails, pip is used. Bytecode
# of other packages is compiled on import, and compressing PySpark's jars in an intermediate wheel would only cost time.
LOCKED := --quiet --no-deps --require-hashes --config-settings=--build-option=--compression=stored -r requirements.lock
PIP := $(BIN)/python -m pip --disable-pip-version-check

$(READY): requirements.lock installer.lock pyproject.toml setup.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.11"; exit 1; }
	@case "$$PWD" in *[{}$$:]*) echo "The path of the checkout must not contain {, }, $$ or : ($$PWD); move it"; exit 1;; esac
	$(PYTHON) -m venv $(VENV)
	{ $(PIP) install --quiet --require-hashes -r installer.lock && VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install $(LOCKED); } || \
	  { echo "uv could not install the packages (see above); installing with pip, which takes a minute or two"; $(PIP) install --no-compile $(LOCKED); }
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@# Compiles what most commands import, also for users whose Python keeps no bytecode.
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -c 'import alembic.context, pyiceberg.catalog.sql, pyspark.sql.connect.session, \
	  steam_assets.commands.run, steam_assets.orchestration.build, steam_assets.orchestration.launch'
	@touch $@

tour: $(READY) ## Write the dashboard of a synthetic year
	@$(BIN)/steam-assets tour

demo: $(READY) ## Run all sources end to end on this machine, against the simulator
	@$(BIN)/steam-assets demo

TESTS ?=

test: $(READY) ## Run every test that this machine can run (TESTS="not nightly": those of each change)
	@$(BIN)/python -m steam_assets_tests.lanes $(if $(TESTS),"$(TESTS)")

SHARE ?= 1

soak: $(READY) ## Try random faults for an hour or two (SHARE=0.1: a tenth) and write docs/reference/soak.md
	STEAM_TEST_SOAK=$(SHARE) $(BIN)/python -m pytest -s steam_assets_tests/soak

bench: $(READY) ## Compare with what one would use instead; writes benchmarks/results.md
	$(BIN)/python -m benchmarks.suite

bench-large: $(READY) ## The growth from one to ten million reviews; half an hour, 8 GB of disk
	$(BIN)/python -m benchmarks.suite --large

dev: $(READY) ## Start the Dagster UI against the real Steam, with an embedded Kafka
	@$(BIN)/steam-assets dev

lint: $(READY) ## Check style, types and dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@# A larger young generation saves a tenth of the CPU time.
	NODE_OPTIONS=--max-semi-space-size=128 $(BIN)/basedpyright
	$(BIN)/deptry steam_assets

docs: $(READY) ## Build the documentation into build/site; fails on a dead link
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

reference: $(READY) ## Generate the pages of docs/reference from code
	$(BIN)/python docs/generate.py

lineage: $(READY) ## Write the column lineage of the insights from Spark's plans
	$(BIN)/python docs/lineage.py

screenshots: $(READY) ## Take the README's screenshots with Chromium
	$(BIN)/python docs/screenshots.py

# sys.monitoring costs 3 %, the tracer of older Pythons 58 % (docs/decisions, 10).
FAST := not (spark or process or daemon or fault or kafka or slow)

coverage: $(READY) ## Run the fast tests with coverage; fails below the minimum; Python 3.12 or newer
	COVERAGE_CORE=sysmon $(BIN)/python -m pytest -q -m "$(FAST)" --cov --cov-report=term:skip-covered

COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --custom-compile-command "make lock" --quiet

lock: $(READY) ## Update requirements.lock from pyproject.toml, installer.lock and datacontract.lock
	$(COMPILE) pyproject.toml --group dev --all-extras --output-file requirements.lock
	echo uv | $(COMPILE) - --output-file installer.lock
	echo datacontract-cli | $(COMPILE) - --output-file datacontract.lock

clean: ## Remove the virtual environment and caches; never data
	rm -rf $(VENV) .pytest_cache .ruff_cache build dist *.egg-info
