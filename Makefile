# fillwright: everything a checkout needs. Wants python3 (3.11 or newer) with venv, and make; nothing else.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# Other trading systems, which bind versions of their own.
PEERS  := .venv-peers

# What `make replay` replays: nothing = the synthetic market; TAPE="a.csv.gz b.csv.gz" = recorded market data.
TAPE ?=
OUT  ?= out
# Handed through: `make run ARGS="--port 9000"`, `make test ARGS="-k engine"`.
ARGS ?=
TEST_WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run exchange replay test test-long test-faults test-peers check format bench lock clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST) | awk -F '\t' '{ printf "  make %-10s %s\n", $$1, $$2 }'

setup: $(VENV)/runtime.stamp ## make .venv with what running needs

setup-dev: $(VENV)/dev.stamp ## make .venv with what tests and checks need, too

run: setup ## run the service: live paper trading; it prints where to look (ARGS="--open" opens the page)
	$(BIN)/fillwright run $(ARGS)

exchange: setup ## run a Binance Spot of your own, for tests of any bot (ARGS="--help" tells its options)
	$(BIN)/fillwright exchange run $(ARGS)

replay: setup ## replay a synthetic market, or TAPE="file ...", and open the report
	$(BIN)/fillwright replay $(if $(strip $(TAPE)),$(foreach file,$(TAPE),--tape $(file)),--synthetic) --out $(OUT) --open $(ARGS)

test: setup-dev ## run the whole suite
	$(BIN)/python -m pytest -n $(TEST_WORKERS) $(ARGS)

test-long: setup-dev ## run every property with at least 10,000 examples, and what takes minutes
	HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest -n $(TEST_WORKERS) -m "long or hypothesis" $(ARGS)

test-faults: setup-dev ## run every plan, outcome and fault of an order over the wire, against the exchange of ours
	$(BIN)/python -m pytest -q -n $(TEST_WORKERS) -m faults tests/faults $(ARGS)

test-peers: setup-dev $(PEERS)/peers.stamp ## run NautilusTrader and freqtrade against an exchange of ours
	PEERS_VENV=$(abspath $(PEERS)) $(BIN)/python -m pytest -m peers tests/peers $(ARGS)

check: setup-dev ## format, lint, types, doors between rooms, generated documents
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports --no-logo
ifneq ($(wildcard src/fillwright/docs_generator.py),)
	$(BIN)/python -m fillwright.docs_generator --check
endif

format: setup-dev ## format the code and make the repairs that are safe
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: setup-dev ## measure, beside what others reach
	$(BIN)/python -m benchmarks $(ARGS)

lock: ## resolve the dependencies anew and write the hashed locks
	$(PYTHON) scripts/lock.py

clean: ## remove what was built, .venv included
	rm -rf $(VENV) $(PEERS) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# The dev lock holds everything of the runtime lock, in the same versions, so that it makes both stamps.

$(VENV)/runtime.stamp: pyproject.toml requirements.lock
	@$(call install,requirements.lock)
	@touch $@

$(VENV)/dev.stamp: pyproject.toml requirements-dev.lock
	@$(call install,requirements-dev.lock)
	@touch $(VENV)/runtime.stamp $@

$(PEERS)/peers.stamp: requirements-peers.lock
	@$(call environment,$(PEERS))
	@echo "Installing requirements-peers.lock (some minutes the first time)..."
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-peers.lock
	@touch $@

# $(call environment,FOLDER): make an environment if it is missing or broken.
define environment
set -e; \
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
  || { echo "fillwright needs Python 3.11 or newer; '$(PYTHON)' is older or missing. Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }; \
$(1)/bin/python -m pip --version >/dev/null 2>&1 || { \
  echo "Making $(1)..."; \
  $(PYTHON) -m venv --clear $(1) \
    || { echo "Python's venv is missing. On Debian: apt install python3-venv" >&2; exit 1; }; }
endef

# $(call install,LOCK): make the environment if it is missing or broken, install the lock, then the package itself.
define install
$(call environment,$(VENV)); \
echo "Installing $(1) (about a minute the first time)..."; \
$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $(1); \
$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
endef
