# Needs Python 3.11 or newer and make; everything else is installed into .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEV_INSTALLED := $(VENV)/.dev-installed
WORKERS ?= 4
# Whatever comes from elsewhere has its hash in the lock.
LOCKED := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --constraint constraints.txt
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --generate-hashes \
  --all-extras --no-header --no-annotate --no-emit-package extauth pyproject.toml constraints.in
COMPILE_SERVERS := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --generate-hashes \
  --no-header --no-annotate

# Tests start hundreds of processes, each of which would compile again all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test attacks browser coverage prove chaos failover poolers rotation servers compare mutants pgbouncer pgpool haproxy faketime pglite promtool check docs fix matrix lowest audit sbom bench wheel reproducible lock clean
.DEFAULT_GOAL := test

$(INSTALLED): pyproject.toml constraints.txt .ci/install
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "extauth needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	.ci/install $(BIN)/python constraints.txt --editable .
	@touch $@

$(DEV_INSTALLED): $(INSTALLED)
	$(LOCKED) --group test --group check --group docs
	@touch $@

help:  ## what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(INSTALLED)  ## extauth against the naive loop, on real processes
	$(BIN)/extauth demo $(ARGS)

test: $(DEV_INSTALLED)  ## every test, Postgres included
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -o faulthandler_exit_on_timeout=true $(ARGS)

attacks: $(DEV_INSTALLED)  ## every attack on an application that we know, refused; its honest twin; its teeth
	$(BIN)/python -m tests.attacks
	$(BIN)/python -m pytest -n $(WORKERS) tests/attacks $(ARGS)

# Left out is what says nothing more of branches: processes, which run untraced; pages; the same contract around another store.
UNTRACED := proof chaos cli docs secrecy quirks attacks peer examples mutants monitoring test_real_servers.py \
  test_store_contract_guarded.py test_store_contract_as_set_up.py
coverage: $(DEV_INSTALLED)  ## which branches the tests take, but for those that run untraced or say nothing more
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --cov --cov-report=term $(UNTRACED:%=--ignore tests/%) $(ARGS)

chaos: $(DEV_INSTALLED)  ## kill replicas, cut connections and restart Postgres under a strict authorization server
	$(BIN)/python -m chaos $(ARGS)

failover: $(DEV_INSTALLED)  ## kill a primary whose standby is behind: the links that live, with and without healing
	$(BIN)/python -m chaos.failover $(ARGS)

poolers: $(DEV_INSTALLED)  ## a primary gives way under a storm, by each way in; needs the real PgBouncer, pgpool-II and HAProxy
	@for each in pgbouncer pgpool haproxy; do $(BIN)/python -m tests.servers.$$each > /dev/null || exit 1; done
	$(BIN)/python -m chaos.poolers $(ARGS)

rotation: $(DEV_INSTALLED)  ## rotate the encryption keys of 100,000 links while four processes refresh them and some are killed
	$(BIN)/python -m chaos.rotation $(ARGS)

servers: $(DEV_INSTALLED)  ## extauth against servers that others wrote; needs Node.js and npm, and says what else (ARGS=--write for the page)
	$(PYTHON) -m venv build/servers/python
	build/servers/python/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement servers/requirements.txt
	cp -R servers/node build/servers/
	cd build/servers/node && npm ci --silent --no-audit --no-fund --ignore-scripts
	$(BIN)/python -m servers $(ARGS)

compare: $(DEV_INSTALLED)  ## extauth beside other ways to keep tokens, through the same mishaps (ARGS=--write for the page)
	$(PYTHON) -m venv build/compare/python
	build/compare/python/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement compare/requirements.txt
	$(BIN)/python -m compare $(ARGS)

browser: $(DEV_INSTALLED)  ## the pages in a real Chromium, which must be installed (EXTAUTH_CHROMIUM, or /usr/bin/chromium)
	@test -x "$${EXTAUTH_CHROMIUM:-/usr/bin/chromium}" || { echo "no Chromium at $${EXTAUTH_CHROMIUM:-/usr/bin/chromium}; Debian: apt install chromium"; exit 1; }
	$(LOCKED) --group browser
	$(BIN)/python -m pytest -m browser tests/web/browser $(ARGS)

pgbouncer: $(DEV_INSTALLED)  ## the tests that need the real PgBouncer, which must be installed
	@$(BIN)/python -m tests.servers.pgbouncer
	$(BIN)/python -m pytest -m pgbouncer tests/adapters/postgres

pgpool: $(DEV_INSTALLED)  ## the tests that need the real pgpool-II, which must be installed
	@$(BIN)/python -m tests.servers.pgpool
	$(BIN)/python -m pytest -m pgpool tests/adapters/postgres

haproxy: $(DEV_INSTALLED)  ## the tests that need the real HAProxy, which must be installed
	@$(BIN)/python -m tests.servers.haproxy
	$(BIN)/python -m pytest -m haproxy tests/adapters/postgres

faketime: $(DEV_INSTALLED)  ## the tests that set Postgres's clock, by libfaketime, which must be installed
	@$(BIN)/python -m tests.servers.faketime
	$(BIN)/python -m pytest -m faketime tests/adapters/postgres

pglite: $(DEV_INSTALLED)  ## the tests that need PGlite, which npm brings; needs Node.js
	mkdir -p build/pglite && cp tests/servers/pglite/* build/pglite
	npm ci --silent --prefix build/pglite
	$(BIN)/python -m pytest -m pglite tests/adapters/postgres

promtool:  ## the alert rules, by Prometheus' own promtool, which must be installed
	promtool check rules docs/monitoring/alerts.yml
	promtool test rules tests/monitoring/alerts_test.yml

check: $(DEV_INSTALLED)  ## format, lint, types, layers and the documentation
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy tests
	$(BIN)/mypy chaos
	$(BIN)/mypy proof
	for folder in examples/*/; do MYPYPATH=src:$$folder $(BIN)/mypy $$folder || exit 1; done
	$(BIN)/mypy compare --exclude 'compare/ways'
	$(BIN)/mypy servers --exclude 'servers/(python|debian)'
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	$(BIN)/python docs/typed_files.py
	$(BIN)/python docs/reference/generate.py
	$(BIN)/python docs/build_site.py

docs: $(DEV_INSTALLED)  ## the documentation, with the API reference made of the docstrings, in build/site
	$(BIN)/python docs/reference/generate.py
	$(BIN)/python docs/build_site.py

fix: $(DEV_INSTALLED)  ## format, and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

matrix:  ## the tests on every supported Python that is installed
	@for version in 3.11 3.12 3.13; do \
	  found=; \
	  for python in python$$version $${PYENV_ROOT:-$$HOME/.pyenv}/versions/$$version.*/bin/python; do \
	    $$python -c '' 2>/dev/null && found=$$python; \
	  done; \
	  if [ -z "$$found" ]; then echo "Python $$version: not found"; continue; fi; \
	  echo "Python $$version: $$($$found --version)"; \
	  $(MAKE) --no-print-directory test PYTHON=$$found VENV=.venv-$$version ARGS=-q || exit 1; \
	done

lowest:  ## the tests on the lowest versions of what extauth depends on
	$(PYTHON) -m venv --clear .venv-lowest
	.ci/install .venv-lowest/bin/python constraints-lowest.txt --group suite --editable .
	.venv-lowest/bin/python -m pytest -n $(WORKERS) --dist worksteal --ignore tests/adapters/webhooks/test_webhook.py --ignore tests/peer/test_mcp_servers.py --ignore tests/test_real_servers.py --ignore tests/integrations/test_mcp.py --ignore tests/integrations/test_authlib.py --ignore tests/docs/test_howto_migrate.py --ignore tests/docs/test_other_libraries.py $(ARGS)

audit: $(INSTALLED)  ## ask for known holes in the locked versions; needs the database on the network
	$(LOCKED) --group release
	$(BIN)/python .ci/audit

sbom: wheel  ## the wheel, and what it is installed with, as CycloneDX, in dist/
	$(LOCKED) --group release
	PYTHON=$(BIN)/python CYCLONEDX=$(BIN)/cyclonedx-py .ci/sbom dist/*.whl

prove: $(DEV_INSTALLED)  ## walk every schedule of bounded configurations, then race newly drawn ones on every store
	$(BIN)/python -m proof $(ARGS)
	EXTAUTH_RACES=$${EXTAUTH_RACES:-200} $(BIN)/python -m pytest -q tests/proof/test_races.py
	$(BIN)/python -m pytest -q -n $(WORKERS) -m proof tests/proof tests/chaos

mutants: $(DEV_INSTALLED)  ## break the code in small ways; the tests must notice (ARGS='services/*.py' for a part)
	$(LOCKED) --group mutants
	$(BIN)/python -m tests.mutants $(ARGS)

bench: $(DEV_INSTALLED)  ## measure, side by side; writes bench/RESULTS.md
	$(LOCKED) --group bench
	$(BIN)/python -m bench $(ARGS)

wheel: $(INSTALLED)  ## build the wheel into dist/; .ci/test-wheel dist/*.whl tests it
	rm -rf dist
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --build-constraint constraints.txt --wheel-dir dist .

reproducible:  ## build the wheel and the sdist twice, which must come out the same, into dist/
	rm -rf dist
	PYTHON=$(PYTHON) .ci/reproducible dist

lock: $(INSTALLED)  ## renew constraints.txt, and constraints-lowest.txt for `make lowest`
	$(LOCKED) uv
	$(COMPILE) --group test --group check --group docs --group mutants --group bench --group browser --group release --output-file constraints.txt
	cp constraints.txt constraints-lowest.txt
	.ci/dependencies --lowest > $(VENV)/lowest.txt
	$(COMPILE_SERVERS) servers/requirements.in --output-file servers/requirements.txt
	$(COMPILE_SERVERS) compare/requirements.in --output-file compare/requirements.txt
	cd servers/node && npm install --silent --package-lock-only --omit-lockfile-registry-resolved
	$(COMPILE) --group suite --constraint $(VENV)/lowest.txt --output-file constraints-lowest.txt

clean:  ## remove the virtual environments and every cache
	rm -rf .venv .venv-* .mutants .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage build dist
