# Everything runs in .venv, which `make install` fills from requirements.lock. Needs Python 3.11 and make.

PYTHON  = $(shell command -v python3.11 || command -v python3)
BIN    := .venv/bin
STAMP  := .venv/.installed
JOBS   ?= auto

# The machine's own certificates, as pip uses them: behind a company's proxy uv's built-in ones do not do.
export UV_SYSTEM_CERTS = 1

# Without compiled bytecode every start of Python compiles what it imports: TensorFlow alone costs seconds.
unexport PYTHONDONTWRITEBYTECODE

LOCK := $(BIN)/uv pip compile --quiet --generate-hashes --python-version 3.11 --no-header --no-annotate
# The extras in each image of docker/.
IN_airflow := airflow audit celery postgresql web
IN_worker  := $(IN_airflow) beam s3 samples serving tensorflow

.DEFAULT_GOAL := help
.PHONY: help install demo airflow test test-all check bench bench-scale lock prism chaos audit sbom docs screenshots clean

help:  ## This list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

install: $(STAMP)  ## .venv from the lock; instant when nothing changed
	@:

demo: $(STAMP)  ## A night's flights, from CSV to a pushed model; then from cache; NIGHT=2013-06-15 the next one
	@PYTHONPATH=$(CURDIR)/dags $(BIN)/python -m flight_delays.demo $(NIGHT)

airflow: $(STAMP)  ## A local Airflow with the samples; PORT=8080, PROFILE=sqlite, postgresql, celery; RUN="dags list"
	@$(if $(RUN),,PYTHONPATH=$(CURDIR)/dags $(BIN)/python -m flight_delays.deliver)
	@$(BIN)/python -m pipeline_lib.airflow.standalone $(RUN)

test: $(STAMP)  ## Unit, integration and end-to-end tests; only PyPI's packages needed
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup $(if $(RERUNS),--reruns $(RERUNS)) -m "not system"

test-all: $(STAMP)  ## The same and those that need Debian's chromium, redis-server, mariadb-server, nginx
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup $(if $(RERUNS),--reruns $(RERUNS))

check: $(STAMP)  ## What a reviewer need not look for: format, lint, types, layers, house rules
	@$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --check .; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo --cache-dir .cache/import-linter
	@$(BIN)/python -m pytest -q tests/unit/test_house.py

bench: $(STAMP)  ## Ratios against named peers, measured in the same run, into docs/benchmarks.md; QUICK=1 each once
	@$(BIN)/python -m pytest -q -s -m "benchmark and not slow" tests/benchmarks \
	  $(if $(QUICK),--quick --report .bench/quick.md,--report docs/benchmarks.md)

bench-scale: $(STAMP)  ## Up to 15 million rows, into docs/benchmarks.md; 8 GB of disk, minutes; QUICK=1 a tenth of it
	@$(BIN)/python -m pytest -q -s -m "benchmark and slow" tests/benchmarks \
	  $(if $(QUICK),--quick --report .bench/quick-scale.md,--report docs/benchmarks.md)

lock: $(BIN)/uv  ## requirements.lock again from pyproject.toml, and its parts for images; UPGRADE=1 takes newer versions
	@$(LOCK) pyproject.toml --all-extras $(if $(UPGRADE),--upgrade) --output-file requirements.lock
	@$(foreach image,airflow worker,$(LOCK) pyproject.toml $(addprefix --extra ,$(IN_$(image))) \
	  --constraint requirements.lock --output-file docker/$(image).lock &&) \
	printf 'hatchling\nuv\n' | $(LOCK) - --constraint requirements.lock --output-file docker/build.lock

chaos: $(STAMP)  ## KILLS=200 whole runs killed at random, STATES=30 histories of runs and faults, EXECUTIONS=500 in one host; SEED= repeats
	@KILLS=$(or $(KILLS),200) STATES=$(or $(STATES),30) EXECUTIONS=$(or $(EXECUTIONS),500) SEED=$(or $(SEED),$(shell date +%s)) \
	  $(BIN)/python -m pytest -q -s tests/integration/test_random_kills.py tests/integration/test_launcher_states.py \
	  tests/unit/runtime/test_execution.py -k 'random_kills or any_order or many_executions'

audit: $(STAMP)  ## Known vulnerabilities of what requirements.lock names; needs PyPI's advisories
	@$(BIN)/pip-audit --no-deps --disable-pip --strict -r requirements.lock

sbom: $(STAMP)  ## .cache/sbom.cdx.json: every installed package, its licence and what needs it (CycloneDX)
	@mkdir -p .cache
	@$(BIN)/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml --output-reproducible \
	  --output-file .cache/sbom.cdx.json
	@echo "sbom: .cache/sbom.cdx.json"

screenshots: $(STAMP)  ## The pictures of the UI in docs/images, anew; needs Debian's chromium
	@PYTHONPATH=$(CURDIR)/tests $(BIN)/python tests/e2e/take_screenshots.py

prism: .cache/prism/prism  ## Beam's runner Prism, for configs/prism.yaml and its tests; needs Go, takes minutes once
	@:

.cache/prism/prism: tests/integration/prism/go.sum
	@mkdir -p $(@D)
	@cd tests/integration/prism && go build -trimpath -ldflags='-s -w' -o $(CURDIR)/$@ \
	  github.com/apache/beam/sdks/v2/go/cmd/prism
	@touch $@

docs: $(STAMP)  ## The documentation site, into .site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "docs: .site/index.html"

clean:  ## Remove caches and built files; .venv and the data of runs (.pipeline) stay
	@rm -rf .cache .site .hypothesis build dist
	@find src components dags tests -name __pycache__ -prune -exec rm -rf {} +

# uv's version and hashes come from the lock, like everything else. A file that pip can read is the block
# from the line `uv==...` to the next requirement.
$(BIN)/uv:
	@$(PYTHON) -m venv .venv
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r .venv/uv.lock

.venv/.locked: requirements.lock | $(BIN)/uv
	@echo "installing $$(grep -c '==' requirements.lock) locked packages into .venv"
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@touch $@

# The build backend is in the lock too, so nothing is fetched here.
$(STAMP): .venv/.locked pyproject.toml
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
