# Crossborder Trade: what can be done here. `make help` lists it.
PYTHON ?= python3
VENV := .venv/bin
LOCAL := @$(PYTHON) -m deploy.local
SERVICES := identity catalog orders payments notifications
.DEFAULT_GOAL := help

$(VENV)/python:
	@printf '\n  !!! There is no .venv yet.\n    What to do: make run, or make test-infra for the tests alone.\n' >&2; exit 1
demo model bench lint docs: | $(VENV)/python

.PHONY: help
help:  ## lists these targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-22s %s\n", $$1, $$2}'
	@echo "  make test-<service>       one service's tests: $(SERVICES)"

# --- the local stack ---

.PHONY: run stop status restart logs clean demo
run:  ## installs what is missing, starts everything, ends with a table of addresses
	$(LOCAL) run

stop:  ## stops everything, services first; data stay
	$(LOCAL) stop

status:  ## shows each process with its state and memory
	$(LOCAL) status

restart:  ## restarts one service with all its roles: s=orders
	$(LOCAL) restart $(s)

logs:  ## follows the logs of one service: s=orders
	$(LOCAL) logs $(s)

clean:  ## removes all local data, after asking
	$(LOCAL) clean

demo:  ## shops through the gateway as people would, and checks each step
	@$(VENV)/python -m deploy.local.demo

# --- tests, with servers of their own in .run/test ---

.PHONY: test test-infra test-stop test-outbox test-libs test-contract test-e2e model faults soak mutations bench
test:  ## every test there is
	@$(PYTHON) -m deploy.local.run_tests

test-infra:  ## starts database, Redis and Kafka for the tests
	$(LOCAL) infra --test

test-stop:  ## stops what test-infra and test-e2e have started
	$(LOCAL) stop --test

.PHONY: $(SERVICES:%=test-%)
$(SERVICES:%=test-%): test-%:
	@$(PYTHON) -m deploy.local.run_tests $*

test-outbox:  ## the tests of libs/outbox; DB=mysql runs these, a library's or a service's on a real MySQL 9
	@$(PYTHON) -m deploy.local.run_tests outbox

test-libs:  ## the tests of our libraries
	@$(PYTHON) -m deploy.local.run_tests outbox auth_jwt chassis

test-contract:  ## events, schemas, topic owners and OpenAPI documents agree
	@$(PYTHON) -m deploy.local.run_tests contract

test-e2e:  ## through the gateway, everything real
	@$(PYTHON) -m deploy.local.run_tests e2e

model:  ## explores the saga; prints states, settled states, violations
	@PYTHONPATH=$$(printf "services/%s:" $(SERVICES)) $(VENV)/python -m tests.model

faults:  ## kills, freezes and stops everything, and counts violations: seeds=20 part=outbox|shop only=rebalances
	$(LOCAL) infra --test
	@CROSSBORDER_TESTING=1 $(VENV)/python -m tests.faults --seeds $(or $(seeds),1) --part $(or $(part),all) --only "$(only)"

soak:  ## shoppers, a misbehaving provider and killed processes, then every invariant: minutes=10 rate=20 seed=1
	$(LOCAL) run --test
	@CROSSBORDER_TESTING=1 $(VENV)/python -m tests.faults.soak --minutes $(or $(minutes),10) --rate $(or $(rate),20) --seed $(or $(seed),1)

mutations:  ## breaks libs/outbox in one place at a time; a test must notice each
	$(LOCAL) infra --test
	@$(VENV)/python libs/outbox/tests/mutations.py

bench:  ## figures and a table: b=purchase (from the running stack) or b=outbox (starts what it needs)
	@$(VENV)/python -m bench.$(or $(b),purchase)

# --- the source ---

.PHONY: lint lock docs
lint:  ## ruff, mypy and the import rules
	@sh deploy/lint.sh

lock:  ## compiles the hash-pinned requirements anew
	@bash deploy/lock.sh

docs:  ## writes the OpenAPI and AsyncAPI documents and joins the former for /api/docs
	@$(VENV)/python -m deploy.gateway.join_openapi
	@$(VENV)/python -m deploy.asyncapi
