# Needs Python 3.11 or newer and make; everything else is installed into .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP_VERSION := 26.3
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test check fix matrix bench lock clean
.DEFAULT_GOAL := test

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "extauth needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) pip==$(PIP_VERSION)
	$(PIP_INSTALL) --constraint constraints.txt --build-constraint constraints.txt \
	  --editable '.[all]' --group test --group check
	@touch $@

demo: $(STAMP)  ## extauth against the naive loop, on real processes
	$(BIN)/extauth demo $(ARGS)

test: $(STAMP)  ## every test, Postgres included
	$(BIN)/python -m pytest --cov --cov-report=term $(ARGS)

check: $(STAMP)  ## format, lint, types and layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy tests
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

fix: $(STAMP)  ## format, and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

matrix:  ## the tests on every supported Python that is installed
	@for version in 3.11 3.12 3.13; do \
	  python=$$(command -v python$$version || ls $${PYENV_ROOT:-$$HOME/.pyenv}/versions/$$version.*/bin/python 2>/dev/null | tail -n 1); \
	  if [ -z "$$python" ]; then echo "python$$version: not found"; continue; fi; \
	  echo "== $$($$python --version)"; \
	  $(MAKE) --no-print-directory test PYTHON=$$python VENV=.venv-$$version ARGS='--no-cov -q' || exit 1; \
	done

bench: $(STAMP)  ## measure, side by side; writes bench/RESULTS.md
	$(PIP_INSTALL) --constraint constraints.txt --group bench
	$(BIN)/python -m bench $(ARGS)

lock: $(STAMP)  ## renew constraints.txt
	$(PIP_INSTALL) uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --all-extras \
	  --group test --group check --group bench --no-header --no-annotate --no-emit-package extauth \
	  pyproject.toml constraints.in --output-file constraints.txt

clean:
	rm -rf .venv .venv-* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage dist
