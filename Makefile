# Sluice: everything a person or a machine does with the sources, by name. `make help` lists it.
#
# Nothing here needs more than make and a shell until tools/install-packages has run.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

# What a caller may set.
PREFIX ?= /usr/local
DESTDIR ?=
RULES ?= examples/rules.yaml
LOG ?=
FUZZ_SECONDS ?= 60
SOAK_STEPS ?= 1000000000
JOBS ?= $(shell nproc)
# Debian's interpreter, whose packages tools/install-packages installs; another may come first in PATH.
PYTHON ?= $(firstword $(wildcard /usr/bin/python3) python3)

BUILD := build
ASAN := build-asan
TSAN := build-tsan
EXAMPLE_LOG := $(BUILD)/example-access.log

CONFIGURE := tools/configure
NINJA := ninja -j $(JOBS)
RELEASE_OPTIONS := -Db_lto=true
TEST_OPTIONS := -Dtests=enabled -Dwerror=true
ASAN_OPTIONS := $(TEST_OPTIONS) -Dfuzzers=true -Db_sanitize=address,undefined -Db_lundef=false
TSAN_OPTIONS := $(TEST_OPTIONS) -Db_sanitize=thread -Db_lundef=false

export PYTHON

.PHONY: help
help: ## This list
	@echo "make TARGET, where TARGET is one of"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 14

.PHONY: build
build: packages-build ## Install what building needs, build build/sluice and libsluice
	@CC=gcc $(CONFIGURE) $(BUILD) $(RELEASE_OPTIONS)
	@$(NINJA) -C $(BUILD) product

.PHONY: run
run: build ## Start the server with the example rules; with LOG=FILE replay that log instead
ifeq ($(LOG),)
	@echo
	@echo "Try, from another terminal (Ctrl-C here stops the server):"
	@echo "  curl -s -d '{\"attributes\":{\"client_ip\":\"203.0.113.9\",\"path\":\"/\"}}' -H 'content-type: application/json' http://127.0.0.1:8080/v1/allow"
	@echo "  redis-cli -p 6390 CL.THROTTLE user:1 15 30 60"
	@echo "  redis-cli -p 6390 ALLOW client_ip 203.0.113.9 method POST path /login"
	@echo
	@exec $(BUILD)/sluice serve --rules $(RULES)
else
	$(BUILD)/sluice replay --rules $(RULES) $(LOG)
endif

.PHONY: replay
replay: build ## Replay a made-up access log under the example rules
	@$(PYTHON) examples/make-access-log >$(EXAMPLE_LOG)
	$(BUILD)/sluice replay --rules $(RULES) $(EXAMPLE_LOG)

.PHONY: check
check: packages-test ## Quick tests, no servers, within 3 minutes
	@CC=gcc $(CONFIGURE) $(BUILD) $(RELEASE_OPTIONS) $(TEST_OPTIONS)
	@$(NINJA) -C $(BUILD)
	@$(PYTHON) tests/run quick

.PHONY: test
test: packages-test test-builds ## All tests, the sanitizers' builds included; ends in "N passed, N failed"
	@$(PYTHON) tests/run full

.PHONY: test-builds
test-builds:
	@CC=gcc $(CONFIGURE) $(BUILD) $(RELEASE_OPTIONS) $(TEST_OPTIONS)
	@CC=clang CXX=clang++ $(CONFIGURE) $(ASAN) $(ASAN_OPTIONS)
	@CC=clang CXX=clang++ $(CONFIGURE) $(TSAN) $(TSAN_OPTIONS)
	@$(NINJA) -C $(BUILD)
	@$(NINJA) -C $(ASAN)
	@$(NINJA) -C $(TSAN)

.PHONY: fuzz
fuzz: packages-test ## Each fuzzer for FUZZ_SECONDS (60), under the address and undefined sanitizers
	@CC=clang CXX=clang++ $(CONFIGURE) $(ASAN) $(ASAN_OPTIONS)
	@$(NINJA) -C $(ASAN)
	@$(PYTHON) tests/run fuzz --fuzz-seconds $(FUZZ_SECONDS)

.PHONY: soak
soak: packages-test ## The laws of the limits for SOAK_STEPS (1,000 million) random steps each
	@CC=gcc $(CONFIGURE) $(BUILD) $(RELEASE_OPTIONS) $(TEST_OPTIONS)
	@$(NINJA) -C $(BUILD)
	@$(PYTHON) tests/run soak --steps $(SOAK_STEPS)

.PHONY: bench
bench: packages-bench ## Measure; figures and bars go to build/bench.json
	@CC=gcc $(CONFIGURE) $(BUILD) $(RELEASE_OPTIONS)
	@$(NINJA) -C $(BUILD) product benchmarks
	@bench/run

.PHONY: lint
lint: packages-lint ## clang-format, clang-tidy, cppcheck, and warnings as errors with gcc and clang
	@tools/lint

.PHONY: install
install: build ## Install under PREFIX (/usr/local), below DESTDIR where it is set
	@tools/configure $(BUILD) $(RELEASE_OPTIONS) -Dprefix=$(PREFIX)
	@$(NINJA) -C $(BUILD) product
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild --quiet

.PHONY: clean
clean: ## Remove everything that was built
	rm -rf build build-*

.PHONY: packages-build packages-test packages-lint packages-bench
packages-build packages-test packages-lint packages-bench: packages-%:
	@tools/install-packages $*
