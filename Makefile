# Two commands do all the set-up on a fresh machine: `make run` and `make test`.
# The stamp files make every second run quick: pip is asked again only when its list has changed.

PYTHON ?= python3
PORT ?= 8501
VENV := .venv
BIN := $(VENV)/bin
APP := $(VENV)/app.stamp
DEV := $(VENV)/dev.stamp
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help run setup test check lint format bench fonts chromium

help: ## List these commands.
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile

run: $(APP) ## Open the app in the browser (PORT=8501).
	$(BIN)/python -m streamlit run streamlit_app.py --server.port $(PORT)

setup: $(DEV) ## Make .venv with everything in it, and say which fonts are missing.
	@$(BIN)/python -m scripts.fonts

test: $(DEV) chromium ## Run every test, the browser stories too.
	$(BIN)/python -m pytest -n auto
	$(BIN)/python -m pytest -n auto --browser tests/browser

check: lint ## Run lint and every test that needs no browser.
	$(BIN)/python -m pytest -n auto

lint: $(DEV) ## Check format, style and types.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(DEV) ## Write the format that lint asks for.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(DEV) chromium ## Measure speed and memory against the baselines.
	$(BIN)/python -m benchmarks

fonts: $(APP) ## Install fonts for all scripts, for PNG pictures (Debian, Ubuntu).
	@$(BIN)/python -m scripts.fonts --install

chromium:
	@for name in "$$ACTCORE_CHROMIUM" chromium chromium-browser google-chrome; do \
	  command -v "$$name" >/dev/null && exit 0; \
	done; \
	if [ "$$(id -u)" = 0 ]; then root=""; else root="sudo -n"; fi; \
	if command -v apt-get >/dev/null && $$root true 2>/dev/null; then \
	  $$root apt-get update -q && $$root apt-get install -q -y --no-install-recommends chromium; \
	else \
	  echo "No Chromium found. Install Chromium or Google Chrome, or name its program in ACTCORE_CHROMIUM."; \
	  echo "'make check' runs every test that needs no browser."; exit 1; \
	fi

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "actcore needs Python 3.11 or newer. Name one: make PYTHON=python3.12 run"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The package itself goes in as a link, so that the commands work from any folder. The library that
# offline pages carry is bundled here, or the first of them would wait for it.
$(APP): requirements.txt pyproject.toml | $(BIN)/pip
	$(PIP) -r requirements.txt
	$(PIP) --no-deps --editable .
	@$(BIN)/python -c "from actcore.views.library import vega_library; vega_library()"
	@touch $@

$(DEV): requirements-dev.txt $(APP)
	$(PIP) -r requirements-dev.txt
	@touch $@
