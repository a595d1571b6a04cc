# Every target leaves its environment in .venv. Comments after ## are what `make help` prints.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
VENV := .venv/bin
BUF := @bufbuild/buf@1.75.0
# Index to take torch from, such as one of CPU-only builds; empty means the usual index.
CAREWEAVE_TORCH_INDEX ?=
unexport CAREWEAVE_TORCH_INDEX
SET_UP = CAREWEAVE_TORCH_INDEX='$(CAREWEAVE_TORCH_INDEX)' $(PYTHON) tools/set_up.py

.PHONY: help python setup setup-dev demo up test test-deploy check lint-protos bench embedder kill kill-hr faults faults-hr erase-proof protos lock hooks clean

help: ## Say what can be made
	@echo "Careweave. Needs make, Python 3.11 or later and the package index that pip is configured for."
	@echo
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "Settings: PYTHON=python3.12 picks the interpreter that makes .venv;"
	@echo "  CAREWEAVE_TORCH_INDEX=<address> takes torch, which tests and training use, at the locked version from"
	@echo "  that index; CPU-only builds spare about 3 GB of GPU libraries on Linux (make clean first)."

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, this is " \
	  + sys.version.split()[0] + "; name another one: make $(or $(MAKECMDGOALS),setup) PYTHON=python3.12")'

setup: python ## Put what running needs into .venv; skipped when it is there
	@$(SET_UP) runtime

setup-dev: python ## Put what running, tests and checks need into .venv
	@$(SET_UP) dev

demo: setup ## Load the sample place and find one care worker's next roles, over gRPC
	@$(VENV)/careweave demo

up: setup ## Start all services on the sample place as a trial, and stay
	@$(VENV)/careweave load sample
	@CAREWEAVE_TRIAL=yes $(VENV)/careweave serve all

test: setup-dev ## Run every test, on a real Neo4j and a real Kafka too (needs Maven's index the first time; no Java)
	@$(VENV)/pytest

test-deploy: setup-dev ## Apply each overlay of deploy/ to a real Kubernetes API server, built once (minutes; needs Go)
	@CAREWEAVE_TEST_DEPLOY=yes $(VENV)/pytest tests/deploy/test_apply.py

check: setup-dev ## Check format, lint, types, imports and protos (the protos need npm too)
	@$(VENV)/ruff format --check
	@$(VENV)/ruff check
	@$(VENV)/mypy
	@$(VENV)/lint-imports --no-logo
	@$(MAKE) --no-print-directory lint-protos

lint-protos: setup-dev ## Lint the protos with buf (needs npm, which fetches buf)
	@if ! command -v npx >/dev/null; then \
	  echo "buf lint left out: it needs npx, which comes with Node.js."; exit 0; \
	fi; \
	image=$$(mktemp -d); trap 'rm -rf "$$image"' EXIT; \
	$(VENV)/python tools/generate_stubs.py --image "$$image/protos.binpb"; \
	npx --yes --loglevel=error $(BUF) lint "$$image/protos.binpb" --config buf.yaml --path careweave; \
	npx --yes --loglevel=error $(BUF) format protos --diff --exit-code; \
	echo "Protos: lint and format are clean."

bench: setup-dev ## Measure speed and matching quality (minutes; loads packaged data)
	@$(VENV)/python -m benchmarks

embedder: setup-dev ## Train the packaged embedder anew into var/embedder (about an hour on two cores, minutes on a GPU)
	@$(VENV)/python -m training fit --out var/embedder/float32
	@$(VENV)/python -m training convert var/embedder/float32 var/embedder/onnx

kill: setup-dev ## Kill the all-in-one process 50 times as it writes (KILLS=n), and look for what is lost
	@CAREWEAVE_TEST_KILLS=$(or $(KILLS),50) $(VENV)/pytest -s tests/system/test_kill.py

kill-hr: setup-dev ## Kill profiles, Neo4j and Kafka 21 times amid 20,000 HR updates (KILLS=n, UPDATES=n), and compare the end
	@CAREWEAVE_TEST_HR_KILLS=$(or $(KILLS),21) CAREWEAVE_TEST_HR_UPDATES=$(or $(UPDATES),20000) \
	  $(VENV)/pytest -s tests/system/test_kill_hr.py

faults-hr: setup-dev ## Kill and freeze services, Neo4j and three Kafka brokers under 50,000 HR updates (ROUNDS=n, UPDATES=n)
	@CAREWEAVE_TEST_STACK_ROUNDS=$(or $(ROUNDS),3) CAREWEAVE_TEST_STACK_UPDATES=$(or $(UPDATES),50000) \
	  CAREWEAVE_TEST_STACK_PAUSE=$(or $(PAUSE),60) $(VENV)/pytest -s tests/system/test_stack_faults.py

erase-proof: setup-dev ## Erase 100 people (PEOPLE=n) on both stacks, and search every service, event and file for them
	@CAREWEAVE_TEST_ERASE_PEOPLE=$(or $(PEOPLE),100) $(VENV)/pytest -s tests/system/test_erase_proof.py

faults: setup-dev ## Kill the leader among three Kafka brokers 10 times under a stream (ROUNDS=n), and look for what is lost
	@CAREWEAVE_TEST_FAULTS=$(or $(ROUNDS),10) $(VENV)/pytest -s tests/system/test_kafka_faults.py

protos: setup-dev ## Generate careweave/v1 from protos/
	@$(VENV)/python tools/generate_stubs.py

lock: setup-dev ## Resolve pyproject.toml into requirements/*.lock; UPGRADE=1 takes the newest
	@$(VENV)/python tools/lock.py $(if $(UPGRADE),--upgrade)

hooks: setup-dev ## Run format, lint, types and imports before each git commit
	@$(VENV)/pre-commit install

clean: ## Remove .venv, caches and the stores in var/
	@rm -rf .venv var dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
