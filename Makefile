# A graph of files: what shapes an output is its prerequisite. `make` alone lists the words.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.SECONDEXPANSION:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --warn-undefined-variables

DATA := data
FILTERS := filters.toml
SOURCE :=
BASE :=
NEW :=
OLDEST :=
ALLOW_SHRINK :=
ALLOW_REJECTED :=
FILTER :=
AGAINST :=
MAX_AGE :=

python := .venv/bin/python
etl := $(python) -m etl
# Sources are the jq programs; each is one process, since a process a page would start Python 47 times.
sources := $(basename $(notdir $(wildcard etl/transform/*.jq)))
models := $(sources:%=$(DATA)/models/%/summary.json)
index := $(DATA)/manifests/index.json
# The filters that the last run used: FILTERS may name an older file, so content is compared and not time.
used := $(DATA)/models/filters.toml
changed := $(shell cmp -s $(FILTERS) $(used) || echo force)
common := $(wildcard etl/*.py) schemas/ledger.schema.json
# What is decided of a source's models after jq.
decides_huggingface := $(addprefix etl/transform/,size.py witness.py doubts.py counts.py names.py families.py families.toml)
decides_civitai := $(addprefix etl/transform/,level.py text.py)
allowed := $(ALLOW_SHRINK:%=--allow-shrink %) $(ALLOW_REJECTED:%=--allow-rejected %)
chosen := $(or $(SOURCE:%=$(DATA)/models/%/summary.json),$(models))

.PHONY: help
help: ## list the words
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

.PHONY: plan
plan: .venv/ok ## show what extract would ask, and what is on disk
	@$(etl) plan --data $(DATA) --filters $(FILTERS) $(SOURCE:%=--source %) $(MAX_AGE:%=--max-age %)

.PHONY: extract
extract: .venv/ok ## ask the APIs for today's answers
	@$(etl) extract --data $(DATA) --filters $(FILTERS) $(SOURCE:%=--source %) $(MAX_AGE:%=--max-age %)

.PHONY: refresh
refresh: .venv/ok ## extract, manifests and verify, also after a stream failed
	@$(etl) refresh --data $(DATA) --filters $(FILTERS) $(SOURCE:%=--source %) $(MAX_AGE:%=--max-age %) $(BASE:%=--base %) $(allowed)

.PHONY: manifests transform verify diff explain
ifeq ($(filter extract,$(MAKECMDGOALS)),)
manifests: $(index) ## transform and load what changed

transform: $(chosen) ## make the models of what changed

verify: .venv/ok | $(filter manifests,$(MAKECMDGOALS)) ## check what is published: OLDEST=2d, BASE, ALLOW_SHRINK=hf/small, ALLOW_REJECTED=civitai/poi
	@$(etl) verify --data $(DATA) --filters $(FILTERS) $(BASE:%=--base %) $(OLDEST:%=--max-age %) $(allowed)

diff: .venv/ok | $(filter manifests,$(MAKECMDGOALS)) ## what changed since the last commit: BASE, NEW are folders or revisions
	@$(etl) diff $(if $(NEW),$(or $(BASE),HEAD),$(BASE)) $(NEW) --data $(DATA) --filters $(FILTERS)

# Make hands variables of its command line on in the environment, where no word of them is read as a command.
explain: $(models) ## why a page is what it is: FILTER=hf/likes/small, a manifest or a model; AGAINST=another
	@$(etl) explain "$${FILTER:-}" --data $(DATA) --filters $(FILTERS) $${AGAINST:+--against "$$AGAINST"}
else
# Which files there are was read before anything is asked, so what follows extract is a make of its own.
verify diff: | $(filter manifests,$(MAKECMDGOALS))
manifests transform verify diff explain: extract
	@$(MAKE) --no-print-directory $@
endif

.PHONY: test
test: .venv/dev ## the project's own tests
	@$(python) -m pytest -q

.PHONY: lint
lint: .venv/dev ## style and types of the project's own code
	@$(python) -m ruff check . && $(python) -m ruff format --check . && $(python) -m mypy

.PHONY: serve
serve: .venv/dev ## both APIs on this machine, over the snapshot, to play with
	@$(python) -m tests.serve

.PHONY: sizes
sizes: .venv/dev ## how often a size is right, by kind; fails when a figure drops
	@$(python) -m tests.sizes

.PHONY: bench
bench: .venv/dev ## seconds, memory and requests, beside plain baselines
	@$(python) -m bench

.PHONY: clean
clean: ## remove what can be made again
	rm -rf $(DATA)/models $(DATA)/.manifests .venv

# Folders are prerequisites too: their times tell of files that were removed. There is no rule for raw files: a checkout
# rewrites every time, and a fresh clone must never be sent to the network.
$(models): $(DATA)/models/%/summary.json: etl/transform/%.jq schemas/%.raw.schema.json schemas/model.schema.json \
  $(addprefix etl/transform/,stage.py page.py repair.py losses.py) $$(decides_$$*) $(common) $$(wildcard $(DATA)/raw $(DATA)/raw/$$* $(DATA)/raw/$$*/* $(DATA)/raw/$$*/*/*.json) $(used) | .venv/ok
	@$(etl) transform --source $* --data $(DATA) --filters $(FILTERS)

# Marked old when it could not be made whole, so that the next run tries again instead of finding it up to date.
.PRECIOUS: $(index)
$(index): $(models) $(used) $(wildcard etl/load/*.py) $(common) $(wildcard schemas/*.schema.json) | .venv/ok
	@$(etl) load --data $(DATA) --filters $(FILTERS) || { code=$$?; touch -c -t 200001010000 $@; exit $$code; }

.PHONY: force
$(used): $(changed) | .venv/ok
	@{ mkdir -p $(@D) && cp $(FILTERS) $@; } 2> /dev/null || { $(etl) plan --data $(DATA) --filters $(FILTERS) > /dev/null; \
	  echo "$@: cannot be written" >&2; exit 74; }

.venv/ok: requirements.txt
	@test -x $(python) || python3 -m venv .venv
	@$(python) -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.venv/dev: requirements-dev.txt .venv/ok
	@$(python) -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@
