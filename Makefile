# The two commands: `make up` and `make test`. Everything else serves them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

RUN_PACKAGES := nft:nftables ip:iproute2 unshare:util-linux curl:curl
TEST_PACKAGES := dig:bind9-dnsutils pgrep:procps chromium:chromium
BENCH_PACKAGES := dnsperf:dnsperf unbound:unbound wrk:wrk nginx:nginx-light haproxy:haproxy

.PHONY: setup up down test suite test-slow bench lint format setup-test setup-bench clean
.DEFAULT_GOAL := up

setup: $(STAMP)  ## what `make up` needs, installed where it is missing
	@./tools/packages $(RUN_PACKAGES)
	@$(BIN)/python -m compileall -q src  # an editable install leaves that out; commands start twice as fast with it

setup-test: setup
	@./tools/packages $(TEST_PACKAGES)

setup-bench: setup-test
	@./tools/packages $(BENCH_PACKAGES)

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[run,dev]'
	@touch $@

up: setup  ## the storefront in the background, proved with real requests
	@./tools/demo

down:  ## ends it, and leaves nothing behind
	@$(BIN)/seaway down

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports --no-logo

format:
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

test: setup-test  ## everything that must hold before a change lands; at most 6 minutes on 2 cores
	@$(MAKE) --no-print-directory -j 2 lint suite

suite:
	@$(BIN)/pytest -n 3 --dist loadfile -m 'not slow'

test-slow: setup-test
	@$(BIN)/pytest -n 3 --dist loadfile

bench: setup-bench
	@for one in benchmarks/[a-z]*.py; do echo "== $$one"; $(BIN)/python $$one || exit 1; done

clean:
	@rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis
