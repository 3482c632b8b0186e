# Every target does the set-up it lacks, into .venv and node_modules (.ci/setup.py). `make help` lists them.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help doctor setup demo observe run regions drill test check format infra-check prove bench migrate generate screenshots clients requirements licences \
	audit sbom cost clean

PY := .venv/bin/python
# The set-up of what a run needs, which then becomes the command that follows.
START := @.ci/python .ci/setup.py
PYTEST := $(PY) -m pytest
# Two cores are the least that the suite is made for; WORKERS=8 make test where there are more. More workers than cores:
# tests wait for blocks, and for processes to start.
WORKERS ?=
# What is compiled once is kept: the tests start hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE
# A part of the suite, of the proofs or of the benchmarks: make test TESTS=tests/unit, make bench PART=claims
TESTS ?= tests
PART ?=

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

doctor: ## look at this machine's tools, versions and ports; install nothing
	@.ci/python -m emulators.doctor

setup: ## create .venv and node_modules from the pinned versions, with what tests and checks need
	$(START) --dev

demo: ## an order placed, claimed once by fifty and paid on chain, with everything it needs
	$(START) -m emulators demo

# What is wrong with PORT is make's own error: after one of a command make would print another line.
GOOD_PORT = $(eval WRONG := $(shell PORT='$(PORT)' .ci/python -m emulators.doctor $(1)))$(if $(WRONG),$(error $(WRONG)))

observe: ## the product (or the one on PORT) with Prometheus beside it, and Grafana where it is installed
	$(call GOOD_PORT,--port)
	$(START) -m emulators observe

# Three regions are those of `make regions`: on emulators, and without the data of earlier runs.
REGIONS ?= 1
run: ## keep the product running on http://127.0.0.1:8080 (PORT=…) until Ctrl-C; FRESH=1 forgets earlier runs; REGIONS=3
	$(if $(filter 1 3,$(REGIONS)),,$(error REGIONS is 1 or 3, not $(REGIONS)))
	$(call GOOD_PORT,--free-port)
	$(START) -m $(if $(filter 3,$(REGIONS)),emulators.regions,emulators run $(if $(FRESH),--fresh))

regions: ## three regions of the product behind a balancer, with the distances between continents, until Ctrl-C
	$(call GOOD_PORT,--free-port)
	$(START) -m emulators.regions

drill: setup ## three regions under load, broken one after the other: errors, recovery, nothing lost (SECONDS=12, RATE=60)
	$(PY) -m tests.drill

# `make test` runs on the embedded store (docs/embedded.md), then what needs the emulators on emulators, where they are
# installed. STORE=embedded runs the first part alone, STORE=emulator everything on emulators. Tests marked `serial`
# need the machine for themselves.
STORE ?=
# ONCE=1 leaves out, on emulators, what shows the same on every store: .ci/run has it run on the embedded one.
ONCE ?=
BY_FILE = --dist loadfile
PARALLEL = $(PYTEST) -n $(or $(WORKERS),4) $(BY_FILE)
EMULATED = $(PYTEST) -n $(or $(WORKERS),3) $(BY_FILE)
comma := ,
NONE = || [ $$? -eq 5 ]
# Those files alone: collecting all tests takes longer than running these.
SERIAL = $(if $(findstring ::,$(TESTS)),$(TESTS),$(shell grep -rl --include='test_*.py' 'mark\.serial' $(TESTS)))

test: setup ## the whole suite (WORKERS=…, TESTS=tests, STORE=embedded or emulator: all of it on that)
ifeq ($(STORE),emulator)
	@failed=0; echo "on emulators$(if $(ONCE),$(comma) without what shows the same on every store)"; \
	$(EMULATED) -m "not serial$(if $(ONCE), and not any_store)" $(TESTS) $(NONE) || failed=1; \
	if [ -n "$(SERIAL)" ]; then $(PYTEST) -m "serial$(if $(ONCE), and not any_store)" $(SERIAL) $(NONE) || failed=1; fi; exit $$failed
else
	@failed=0; rm -f .run/not-run; echo "on the embedded store"; export STORE=embedded; \
	$(PARALLEL) -m "not serial" $(TESTS) $(NONE) || failed=1; \
	if [ -n "$(SERIAL)" ]; then $(PYTEST) -m serial $(SERIAL) $(NONE) || failed=1; fi; \
	if [ -z "$(STORE)" ] && [ -f .run/not-run ] && $(PY) -m emulators check 2>/dev/null; then \
	echo "on emulators, what needs them"; export STORE=emulator; rm -f .run/not-run; \
	$(EMULATED) -m "emulators and not serial" $(TESTS) $(NONE) || failed=1; \
	if [ -n "$(SERIAL)" ]; then $(PYTEST) -m "emulators and serial" $(SERIAL) $(NONE) || failed=1; fi; fi; \
	if [ -f .run/not-run ]; then cat .run/not-run; fi; exit $$failed
endif

check: setup ## lint, format, types, layers, structure, generated files, documents, licences, secrets, weaknesses
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	$(PY) -m schemas.contract.generate --check
	$(PY) -m openapi_spec_validator schemas/openapi.json
	$(PY) .ci/clients.py --check
	$(PYTEST) tests/unit/docs tests/unit/imports/test_structure.py tests/unit/ci/test_entrances.py
	$(PY) .ci/licences.py --check
	$(PY) -m infra.cost --check
	$(PY) .ci/secrets_scan.py
	$(PY) .ci/advisories.py 8
	$(PY) -m schemas.database.lint
	.venv/bin/check-jsonschema --quiet --builtin-schema vendor.cloudbuild cloudbuild.yaml infra/apply.cloudbuild.yaml
	.venv/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(PY) -m infra.check

format: setup ## put the code into its format, and mend what the linter can mend
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

infra-check: setup ## Terraform's format, validity and tests, without a cloud (where terraform is installed)
	$(PY) -m infra.check

prove: setup ## the long proofs, or one of them (PART=…)
	$(PY) -m tests.faults $(PART)

bench: setup ## the benchmarks, or one of them (PART=…)
	$(PY) -m tests.bench $(PART)

migrate: ## bring the database that the environment names up to date (SPANNER_INSTANCE, SPANNER_DATABASE)
	$(START) -m schemas.database.migrate

generate: setup ## write the catalog, OpenAPI and the other files made from the code, and the tables of docs/cost.md
	$(PY) -m schemas.contract.generate
	$(PY) -m infra.cost

screenshots: setup ## every page of the console in both themes and widths, in docs/images
	SCREENSHOTS=docs/images $(PYTEST) -q tests/e2e/test_console.py -k pictures

clients: setup ## write what of the client libraries is generated, and pack them: build/clients has a wheel and an npm package
	$(PY) -m schemas.contract.generate
	$(PY) .ci/clients.py

requirements: setup ## pin what requirements*.in ask for anew, with digests (UPGRADE=--upgrade)
	$(COMPILE) -o requirements.txt requirements.in
	$(COMPILE) -o requirements-local.txt requirements-local.in
	$(COMPILE) -o requirements-node.txt requirements-node.in
	$(COMPILE) -o requirements-dev.txt requirements-dev.in
	@echo "make licences lists what has changed"

licences: setup ## list the licences of what is deployed, in docs/licences.md
	$(PY) .ci/licences.py

audit: setup ## ask for known weaknesses of what is deployed; fails when nobody answers
	$(PY) .ci/advisories.py

sbom: setup ## the software bill of materials of what is deployed (CycloneDX), in build/sbom.json
	@mkdir -p build
	$(PY) -W ignore -m cyclonedx_py requirements requirements.txt --pyproject pyproject.toml \
		--output-reproducible --validate --output-file build/sbom.json

cost: setup ## compute the tables of docs/cost.md from infra/cost
	$(PY) -m infra.cost

clean: ## stop the emulators in the background; remove everything that make has made
	@if [ -f .run/emulators.json ]; then $(PY) -m emulators down; fi
	rm -rf .run .venv build node_modules clients/typescript/node_modules clients/typescript/dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip-compile with nothing of this machine's own set-up in what it writes.
UPGRADE ?=
COMPILE = CUSTOM_COMPILE_COMMAND="make requirements" $(PY) -m piptools compile --quiet --generate-hashes \
	--strip-extras --allow-unsafe --no-emit-index-url --no-emit-find-links $(UPGRADE)
