# Bare `make` lists the targets.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PEERS := serving/bench/peers.lock
export BENTOML_DO_NOT_TRACK := true
export MLFLOW_DISABLE_TELEMETRY := true

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test test-slow bench bench-peers lint format lock clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: .venv/complete ## Create the environment in .venv from the lock file

.venv/complete: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11))' || \
		{ echo "Vouch needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up .venv from requirements.lock (a few minutes the first time) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## Generate a retailer, run the daily job, serve it, and show where to look
	@exec $(BIN)/vouch demo

serve: setup ## Serve the API and the console on what is in the data folder
	@exec $(BIN)/vouch serve

test: setup ## Run the tests
	$(BIN)/pytest -n 2 -m "not slow" -q

test-slow: setup ## Run the tests that train for minutes or soak
	$(BIN)/pytest -m slow -q

bench: bench-peers ## Print the figures of the README, with the machine they were measured on
	$(BIN)/vouch bench availability
	$(BIN)/vouch bench http
	@if [ -n "$$VOUCH_BENCH_DATA" ]; then \
		$(BIN)/vouch bench accuracy && $(BIN)/vouch bench forecast; \
	else \
		echo "Forecasts were not measured: set VOUCH_BENCH_DATA to the folder of the public data."; \
	fi
	$(BIN)/pytest tests/benchmarks -m slow -q -s

bench-peers: .venv/peers ## Add the forecasters that `vouch bench accuracy` compares with

.venv/peers: .venv/complete $(PEERS)
	@echo "Adding the peers of the accuracy bench ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check -c requirements.lock -r $(PEERS)
	@touch $@

lint: setup ## Check style, types and the import rule
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## Rewrite the code to the style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: setup ## Write requirements.lock from what is installed, peers of the bench apart
	{ head -1 requirements.lock; $(BIN)/pip freeze --all --exclude-editable | grep -v '^pip==' | sed 's/+cpu$$//' \
		| grep -vE "^($$(grep -oE '^[a-z]+' $(PEERS) | paste -sd'|'))=="; } > .lock.new
	mv .lock.new requirements.lock

clean: ## Remove the environment and the data folder
	rm -rf .venv .vouch
