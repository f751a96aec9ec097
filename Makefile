# Two commands matter: `make run` and `make test`. `make help` lists the rest.
PYTHON ?= python3
PORT   ?= 8000

VENV := .venv
BIN  := $(VENV)/bin
PIP  := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
DESCRIBED := setup.cfg pyproject.toml constraints.txt
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test check format bench docs peers clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  PORT=8000 moves provider and products; PYTHON=python3 names the interpreter (3.11+)"

run: $(VENV)/.run ## provider and the three demo products, on PORT to PORT+3
	@PORT=$(PORT) $(BIN)/python -m clients.run

test: $(VENV)/.dev peers ## everything: make check, then the whole suite (ARGS= goes to pytest)
	@PYTHON=$(BIN)/python bash .ci/test.sh $(ARGS)

check: $(VENV)/.dev ## format, lint, types, dependency rules
	@bash .ci/check.sh $(BIN)

format: $(VENV)/.dev ## write the format that check wants
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

bench: $(VENV)/.dev ## server CPU per operation against the budgets (ARGS="--quick --only sso")
	@$(BIN)/python -m bench $(ARGS)

docs: $(VENV)/.dev ## check the documents' links and commands
	@$(BIN)/python .ci/docs.py

peers: ## the real peers that the tests drive: Chromium, Apache, Node (apt and npm)
	@bash .ci/peers.sh

clean: ## remove what was made, data of make run included
	rm -rf $(VENV) var build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Stamps: a step runs again when what it depends on has changed, and not otherwise.
$(VENV)/.made:
	@PYTHON="$(PYTHON)" bash .ci/venv.sh $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.made $(DESCRIBED)
	@echo "installing"
	@$(PIP) -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.made $(DESCRIBED)
	@echo "installing with everything the tests and checks need"
	@$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.run
