# Every target first does the set-up that is missing, in .venv and node_modules (.ci/setup.py). `make help` lists all targets.
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

help: ## list all targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.DEFAULT:
	$(error There is no target $@: make help lists all targets)

doctor: ## check this machine's tools, versions and ports; installs nothing
	@.ci/python -m emulators.doctor

setup: ## create .venv and node_modules from the pinned versions, with what tests and checks need
	$(START) --dev

demo: ## start everything, place an order that fifty users claim, pay it on chain, and stop
	$(CHECK_STORE)
	$(START) -m emulators demo

# What is wrong with PORT is make's own error: after one of a command make would print another line.
CHECK_PORT = $(eval WRONG := $(shell PORT='$(PORT)' .ci/python -m emulators.doctor $(1)))$(if $(WRONG),$(error $(WRONG)))

observe: ## run the product (or use the one on PORT) with Prometheus, and Grafana if it is installed
	$(call CHECK_PORT,--port)
	$(START) -m emulators observe

# Wrong values end make before anything starts. STORE may also come from the environment, so its check follows it there.
CHECK_STORE = $(if $(filter-out embedded emulator,$(STORE)),$(error STORE is embedded or emulator, not $(STORE)))
CHECK_FRESH = $(if $(filter-out 1,$(FRESH)),$(error FRESH is 1 or is left out, not $(FRESH)))
CHECK_TESTS = $(foreach path,$(if $(filter -%,$(TESTS)),,$(TESTS)),$(if $(wildcard $(firstword $(subst ::, ,$(path)))),,$(error TESTS: there is no $(path))))

# Three regions are those of `make regions`: on emulators, and without the data of earlier runs.
REGIONS ?= 1
run: ## run the product on http://127.0.0.1:8080 (PORT=…) until Ctrl-C; FRESH=1 starts without earlier data; REGIONS=3
	$(if $(filter 1 3,$(REGIONS)),,$(error REGIONS is 1 or 3, not $(REGIONS)))
	$(CHECK_STORE)$(CHECK_FRESH)
	$(call CHECK_PORT,--free-port)
	$(START) -m $(if $(filter 3,$(REGIONS)),emulators.regions,emulators run $(if $(FRESH),--fresh))

regions: ## run three regions behind a load balancer, with the latency between continents, until Ctrl-C
	$(call CHECK_PORT,--free-port)
	$(START) -m emulators.regions

drill: setup ## load three regions, break one after the other, and check that nothing is lost (SECONDS=12, RATE=60)
	$(PY) -m tests.drill

# `make test` runs on the embedded store (docs/embedded.md), then what needs the emulators on emulators, where they are
# installed. STORE=embedded runs the first part alone, STORE=emulator everything on emulators. Tests marked `serial`
# need the machine for themselves.
STORE ?=
# ONCE=1 leaves out, on emulators, what shows the same on every store: .ci/run has it run on the embedded one.
ONCE ?=
PYTEST_EMBEDDED = $(PYTEST) --workers $(or $(WORKERS),6)
PYTEST_EMULATED = $(PYTEST) --workers $(or $(WORKERS),3)
comma := ,
# The exit status 5 of pytest says that no test was chosen, which is no failure here.
OR_NO_TESTS = || [ $$? -eq 5 ]
# Those files alone: collecting all tests takes longer than running these.
SERIAL = $(if $(findstring ::,$(TESTS)),$(TESTS),$(shell grep -rl --include='test_*.py' 'mark\.serial' $(TESTS)))
# The files that the run on the embedded store says that it has left something out of.
NEED_EMULATORS = $(if $(findstring ::,$(TESTS)),$(TESTS),$$(sed 's/.*, of //; s/,//g' .run/not-run))
# The last line says how long it took, and what was skipped or not run and why (tests/support/left_out.py).
TIMED_START = began=$$(date +%s); rm -f .run/not-run .run/skipped
TIMED_END = took=$$(($$(date +%s) - began)); \
	echo "took $$((took / 60)) min $$((took % 60)) s$$(cat .run/skipped .run/not-run 2>/dev/null | sed 's/^/; /' | tr -d '\n')"

ifneq ($(filter test,$(MAKECMDGOALS)),)
$(CHECK_STORE)$(CHECK_TESTS)
endif
test: setup ## run all tests (WORKERS=…, TESTS=tests; STORE=embedded or STORE=emulator runs all on that store)
ifeq ($(STORE),emulator)
	@$(TIMED_START); failed=0; echo "on emulators$(if $(ONCE),$(comma) without what shows the same on every store)"; \
	$(PYTEST_EMULATED) -m "not serial$(if $(ONCE), and not any_store)" $(TESTS) $(OR_NO_TESTS) || failed=1; \
	if [ -n "$(SERIAL)" ]; then $(PYTEST) -m "serial$(if $(ONCE), and not any_store)" $(SERIAL) $(OR_NO_TESTS) || failed=1; fi; $(TIMED_END); exit $$failed
else
	@$(TIMED_START); failed=0; echo "on the embedded store"; export STORE=embedded; \
	$(PYTEST_EMBEDDED) -m "not serial" $(TESTS) $(OR_NO_TESTS) || failed=1; \
	if [ -n "$(SERIAL)" ]; then $(PYTEST) -m serial $(SERIAL) $(OR_NO_TESTS) || failed=1; fi; \
	if [ -z "$(STORE)" ] && [ -f .run/not-run ] && $(PY) -m emulators check 2>/dev/null; then \
	echo "on emulators, what needs them"; export STORE=emulator; files="$(NEED_EMULATORS)"; rm -f .run/not-run; \
	$(PYTEST_EMULATED) -m "emulators and not serial" $$files $(OR_NO_TESTS) || failed=1; \
	if [ -n "$(SERIAL)" ]; then $(PYTEST) -m "emulators and serial" $(SERIAL) $(OR_NO_TESTS) || failed=1; fi; fi; \
	$(TIMED_END); exit $$failed
endif

check: setup ## check lint, format, types, layers, structure, generated files, documents, licences, secrets, vulnerabilities
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

format: setup ## format the code and apply the linter's fixes
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

infra-check: setup ## check Terraform's format and validity and run its tests, without a cloud (if terraform is installed)
	$(PY) -m infra.check

prove: setup ## run the long tests (proofs), or one of them (PART=…)
	$(PY) -m tests.faults $(PART)

bench: setup ## run the benchmarks, or one of them (PART=…)
	$(PY) -m tests.bench $(PART)

migrate: ## migrate the database that the environment names (SPANNER_INSTANCE, SPANNER_DATABASE)
	$(START) -m schemas.database.migrate

generate: setup ## generate the catalog, OpenAPI, clients and the other files made from the code, and the tables of docs/cost.md
	$(PY) -m schemas.contract.generate
	$(PY) -m infra.cost

screenshots: setup ## take screenshots of every page of the console in docs/images
	SCREENSHOTS=docs/images $(PYTEST) -q tests/e2e/test_console.py -k screenshots

clients: setup ## generate the client libraries and pack a wheel and an npm package into build/clients
	$(PY) -m schemas.contract.generate
	$(PY) .ci/clients.py

requirements: setup ## pin the versions for requirements*.in again, with hashes (UPGRADE=--upgrade)
	$(COMPILE) -o requirements.txt requirements.in
	$(COMPILE) -o requirements-local.txt requirements-local.in
	$(COMPILE) -o requirements-node.txt requirements-node.in
	$(COMPILE) -o requirements-dev.txt requirements-dev.in
	@echo "make licences lists what has changed"

licences: setup ## list the licences of deployed packages in docs/licences.md
	$(PY) .ci/licences.py

audit: setup ## check deployed packages for known vulnerabilities; fails if the service does not answer
	$(PY) .ci/advisories.py

sbom: setup ## write the software bill of materials of the deployed packages (CycloneDX) to build/sbom.json
	@mkdir -p build
	$(PY) -W ignore -m cyclonedx_py requirements requirements.txt --pyproject pyproject.toml \
		--output-reproducible --validate --output-file build/sbom.json

cost: setup ## compute the tables of docs/cost.md from infra/cost
	$(PY) -m infra.cost

clean: ## stop background emulators and remove everything that make has created
	@if [ -f .run/emulators.json ]; then $(PY) -m emulators down; fi
	rm -rf .run .venv build node_modules clients/typescript/node_modules clients/typescript/dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip-compile with nothing of this machine's own set-up in what it writes.
UPGRADE ?=
COMPILE = CUSTOM_COMPILE_COMMAND="make requirements" $(PY) -m piptools compile --quiet --generate-hashes \
	--strip-extras --allow-unsafe --no-emit-index-url --no-emit-find-links $(UPGRADE)
