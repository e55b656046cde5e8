# A graph of files: everything that determines an output is its prerequisite. `make` alone lists the targets. Works with GNU make
# 3.81, which ignores .SHELLFLAGS (-e, pipefail): the commands of a recipe are joined by &&.
override SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.SECONDEXPANSION:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --warn-undefined-variables

# Every variable is plain text. A value from the command line or the environment is never expanded by make: it replaces itself and
# reaches recipes through their environment, as "$$NAME", so that the shell does not interpret it. This includes unknown names.
override variables := DATA FILTERS SOURCE BASE NEW OLDEST ALLOW_SHRINK ALLOW_REJECTED FILTER AGAINST FIELD MAX_AGE JOBS CLUSTER SITE KEEP SIGN_KEY KEY PYTHON WORKERS CHROMIUM RECORDS
override command_line := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
override inherited := $(strip $(foreach name,$(variables),$(if $(filter environment,$(origin $(name))),$(if $(value $(name)),$(name)))))
DATA ?= data
FILTERS ?= filters.toml
$(foreach name,$(variables) $(command_line),$(eval override $(name) := $$(value $(name))))
# The Python that runs the targets. One from the command line must have the packages, and no .venv is created.
python := .venv/bin/python
override pythons := python3 python3.14 python3.13 python3.12 python3.11
export $(variables) python
override ready := $(if $(filter python,$(command_line)),,.venv/ok)
override ready_dev := $(if $(filter python,$(command_line)),,.venv/dev)

# A source is a folder with a jq program.
override sources := $(patsubst etl/sources/%/transform.jq,%,$(wildcard etl/sources/*/transform.jq))
override space := $(subst ,, )
override define newline


endef
# DATA and SOURCE are part of prerequisites: they are validated before anything is written or removed.
override reserved := $$ ; : \# % * ? [ ] ~ ' " \ & | < > ( ) { } ! ` = ,
override reserved_in_data := $(strip $(foreach char,$(reserved),$(findstring $(char),$(DATA))))
override message :=
ifeq ($(strip $(DATA)),)
override message := DATA: must name a folder (expected a path such as data, got nothing)
else ifneq ($(strip $(DATA))$(word 2,$(DATA)),$(DATA))
override message := DATA=$(strip $(DATA)): must be one word (expected a path without whitespace)
else ifneq ($(reserved_in_data),)
override message := DATA=$(DATA): must not contain $(reserved_in_data) (make or a shell interprets that); rename the folder, or use a link to it
else ifneq ($(filter -%,$(DATA)),)
override message := DATA=$(DATA): must not start with a dash; write ./$(DATA)
else ifeq ($(abspath $(DATA)),/)
override message := DATA=$(DATA): must be a folder below /
else ifeq ($(realpath $(DATA)),/)
override message := DATA=$(DATA): must be a folder below /, not a link to it
else ifneq ($(filter $(sources),$(SOURCE))$(word 2,$(SOURCE)),$(SOURCE))
override message := SOURCE=$(SOURCE): unknown source; choose from $(sort $(sources))
endif
ifneq ($(message),)
ifneq ($(filter-out help,$(MAKECMDGOALS)),)
$(error $(message))
endif
override DATA := data
override SOURCE :=
else ifneq ($(inherited),)
ifeq ($(filter announced,$(command_line)),)
$(warning from the environment: $(patsubst DATA,DATA=$(DATA),$(inherited)))
endif
endif

override etl := "$$python" -m etl
override where := --data="$$DATA" --filters="$$FILTERS"
override source := $${SOURCE:+"--source=$$SOURCE"}
override max_age := $${MAX_AGE:+"--max-age=$$MAX_AGE"}
override workers := $${JOBS:+"--jobs=$$JOBS"} $${CLUSTER:+"--cluster=$$CLUSTER"}
override base := $${BASE:+"--base=$$BASE"}
# Set the positional parameters to the options of ALLOW_SHRINK and ALLOW_REJECTED, one per word.
override allowed := set -f && set -- && for value in $$ALLOW_SHRINK; do set -- "$$@" "--allow-shrink=$$value"; done && \
  for value in $$ALLOW_REJECTED; do set -- "$$@" "--allow-rejected=$$value"; done

# make reads file times before it runs recipes, and these targets change files: the first one runs in a make of its own, before
# the others.
override first := $(firstword $(foreach target,clean extract refresh,$(filter $(target),$(MAKECMDGOALS))))
override rest := $(filter-out $(first),$(MAKECMDGOALS))
ifneq ($(and $(first),$(rest)),)
.PHONY: $(first) $(rest)
$(first):
	@$(MAKE) --no-print-directory announced=yes $@

$(firstword $(rest)): $(first)
	@$(MAKE) --no-print-directory announced=yes $(rest)

$(wordlist 2,$(words $(rest)),$(rest)): $(firstword $(rest)) ;
else

# A stamp is a copy of the filters file that was used, and newer than the output. The folder has a .gitignore of itself.
override state := $(DATA)/.make
override index := $(state)/manifests
# One shell call for what file times do not show: whether .venv was moved, and the stamps of other filters.
override quoted := '$(subst ','\'',$(FILTERS))'
override look := { IFS= read -r venv && IFS= read -r base; } < .venv/ok && [ "$$venv" = "$$(cd .venv && pwd -P)" ] && \
  [ .venv/bin/python -ef "$$base" ] || echo venv; \
  for stamp in $(sources) manifests .filters; do { [ -f $(quoted) ] && cmp -s - $(state)/$$stamp < $(quoted); } || echo changed-$$stamp; done
override seen := $(if $(findstring $(newline),$(FILTERS)),$(addprefix changed-,$(sources) manifests .filters),$(shell exec 2> /dev/null; $(look)))
# The sources in FILTERS: Python writes this file when FILTERS changed. It is read only for targets that build their models.
override configured :=
ifneq ($(filter manifests publish transform explain values $(state)/%,$(MAKECMDGOALS)),)
-include $(state)/sources.mk
endif
override named := $(or $(filter $(configured),$(sources)),$(sources))
override models := $(named:%=$(state)/%)
override selected := $(if $(SOURCE),$(state)/$(SOURCE),$(models))

# The modules that determine models and manifests, models only, manifests only; a test compares them with the imports.
override modules_all := $(wildcard $(addprefix etl/,__init__.py core/*.py expressions/*.py config/*.py sources/*.py sources/*.toml) \
  schemas/licenses.schema.json $(addprefix etl/storage/,__init__.py checked_parts.py file_hashes.py json_files.py ledger.py))
override modules_models := $(wildcard etl/transform/*.py)
override modules_manifests := $(wildcard etl/load/*.py etl/selection/*.py \
  $(addprefix etl/storage/,fingerprint.py json_list.py owned.py swap.py))

# Run a command, $(1); if it succeeds, write the stamps, $(2), atomically. They are not written if filters, raw files or programs
# changed during the run: which version was read is unknown, so the next run repeats the command.
override define stamped
rm -f -- $@ && begun=$$(mktemp) && new=$(state)/.$$$$.partial && trap 'rm -f -- "$$begun" "$$new"' EXIT && \
if [ -f "$$FILTERS" ]; then cat < "$$FILTERS" > "$$begun"; fi && $(1) && \
if cmp -s - "$$begun" < "$$FILTERS" && \
  [ -z "$$(find -L $(DATA)/raw -mindepth 2 -name '.*' -prune -o -cnewer "$$begun" -print 2> /dev/null | head -n 1)" ] && \
  [ -z "$$(find etl schemas -type f ! -name '*.pyc' -newer "$$begun" | head -n 1)" ]; then \
  mkdir -p -- $(state) && echo '*' > $(state)/.gitignore && \
  for stamp in $(2); do cat "$$begun" > "$$new" && mv -f -- "$$new" "$$stamp" || exit 74; done; \
fi
endef

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: plan
plan: $(ready) ## show what extract would request, and what is on disk
	@$(etl) plan $(where) $(source) $(max_age)

.PHONY: extract
extract: $(ready) ## fetch current data from the APIs
	@$(etl) extract $(where) $(source) $(max_age)

.PHONY: refresh
refresh: $(ready) ## run extract, manifests and verify, even if a stream fails
	@$(allowed) && $(etl) refresh $(where) $(workers) $(source) $(max_age) $(base) "$$@"

.PHONY: manifests
manifests: $(index) ## rebuild models and manifests whose inputs changed

.PHONY: transform
transform: $(selected) ## rebuild models whose inputs changed

.PHONY: verify
verify: $(ready) | $(filter manifests,$(MAKECMDGOALS)) ## check the published manifests: OLDEST=2d, BASE, ALLOW_SHRINK=hf/small, ALLOW_REJECTED=civitai/poi; or SITE=folder-or-URL with KEY
	@$(allowed) && $(etl) verify $(where) $(base) $${OLDEST:+"--max-age=$$OLDEST"} $${SITE:+"--site=$$SITE"} $${KEY:+"--key=$$KEY"} "$$@"

.PHONY: publish
publish: $(index) ## verify, then write what clients download: SITE=data/site, KEEP=7d, SIGN_KEY, BASE, ALLOW_SHRINK, ALLOW_REJECTED
	@$(allowed) && $(etl) publish $(where) $(base) $${SITE:+"--site=$$SITE"} $${KEEP:+"--keep=$$KEEP"} $${SIGN_KEY:+"--sign-key=$$SIGN_KEY"} "$$@"

# The page also shows what was not built, and why.
.PHONY: report
report: $(ready) ## write DATA/report/index.html, a page about what was built, from what, and what failed: BASE, ALLOW_SHRINK, ALLOW_REJECTED
	@$(MAKE) --no-print-directory announced=yes manifests || :; $(allowed) && $(etl) report $(where) $(base) "$$@"

.PHONY: keygen
keygen: $(ready) ## write a key pair for the signature: SIGN_KEY=file, file.pub
	@$(etl) keygen $(where) -- "$${SIGN_KEY:?must name the file of the private key}"

.PHONY: diff
diff: $(ready) | $(filter manifests,$(MAKECMDGOALS)) ## show changes since the last commit: BASE, NEW are folders or revisions
	@if [ -n "$$NEW" ]; then set -- "$${BASE:-HEAD}" "$$NEW"; else set -- $${BASE:+"$$BASE"}; fi && $(etl) diff $(where) -- "$$@"

.PHONY: explain
explain: $(models) ## explain a manifest or a model: FILTER=hf/likes/small, a file or an id; AGAINST=hf/small
	@$(etl) explain $(where) $${AGAINST:+"--against=$$AGAINST"} -- "$$FILTER"

.PHONY: values
values: $(selected) ## list the fields of the models with their most frequent values: FIELD=base lists all of one field, SOURCE
	@$(etl) values $(where) $(source) $${FIELD:+"--field=$$FIELD"}

# Tests run without the variables of this run.
override isolated := program=$$python && unset $(variables) python MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES && exec "$$program" -m

.PHONY: test
test: $(ready_dev) ## run the tests, WORKERS=2 in parallel
	@set -- $${WORKERS:+"--numprocesses=$$WORKERS"} && $(isolated) pytest -q "$$@"

.PHONY: test-browser
test-browser: $(ready_dev) ## run the tests of the report and the example client in Chromium, CHROMIUM=/path/to/chromium, WORKERS=2
	@set -- $${WORKERS:+"--numprocesses=$$WORKERS"} && export TEST_CHROMIUM="$$CHROMIUM" && \
	  "$$python" -m tests.browser.toolchain && $(isolated) pytest -q -m browser -rs tests/browser "$$@"

.PHONY: lint
lint: $(ready_dev) ## check style, types and imports of the project's own code
	@"$$python" -m ruff check . && "$$python" -m ruff format --check . && "$$python" -m mypy && \
	  "$$python" -c 'from importlinter.cli import lint_imports_command as main; main()' --no-cache --no-logo

.PHONY: serve
serve: $(ready_dev) ## serve both APIs from the snapshot on this machine
	@$(isolated) tests.support.fake_api

.PHONY: sizes
sizes: $(ready_dev) ## measure the accuracy of sizes by kind; fail if a figure drops
	@$(isolated) tests.support.sizes

.PHONY: bench
bench: $(ready_dev) ## measure time, memory and requests, next to plain baselines
	@$(isolated) bench

.PHONY: bench-hub
bench-hub: $(ready_dev) ## measure each command on one stream of many records, beside DuckDB: RECORDS="30000 300000"
	@export BENCH_RECORDS="$$RECORDS" && $(isolated) bench.hub

# Files that no run created are kept, and links are not followed.
override define wipe
wipe() { find "$$@" -delete 2> /dev/null || :; } && for source in $(sources); do \
  wipe $(DATA)/models -mindepth 2 -maxdepth 3 -type f \( -path "$(DATA)/models/$$source/*/page-[0-9]*.json" \
    -o -path "$(DATA)/models/$$source/*.json.partial" -o -path "$(DATA)/models/$$source/summary.json" \) && \
  wipe $(DATA)/.cache -maxdepth 1 -type f \( -name "$$source.pages" -o -name "$$source.files" \) && \
  wipe $(DATA)/.cache/pages/$$source -mindepth 2 -maxdepth 2 -type f -name 'page-[0-9]*.json' && \
  wipe $(DATA)/.cache/facets/$$source -mindepth 2 -maxdepth 2 -type f -name 'page-[0-9]*' && \
  wipe $(DATA)/.cache/pages/$$source $(DATA)/.cache/facets/$$source -maxdepth 1 -type d -empty && \
  wipe $(DATA)/models -maxdepth 2 -type d \( -path $(DATA)/models -o -path $(DATA)/models/$$source -o \
    -path "$(DATA)/models/$$source/*" \) -empty; \
done && \
wipe $(DATA)/.manifests -mindepth 1 -path "$(DATA)/.manifests/set-*" && \
wipe $(DATA)/.manifests -maxdepth 1 -type f -name '*.json' && wipe $(DATA)/.manifests -maxdepth 0 -type d -empty && \
wipe $(DATA)/.cache -maxdepth 1 -type f \( -name .gitignore -o -name verified -o -name published -o -name loaded -o -name 'cluster-*' \) && \
wipe $(DATA)/.cache/pages $(DATA)/.cache/facets -maxdepth 0 -type d -empty && wipe $(DATA)/.cache -maxdepth 0 -type d -empty && \
wipe $(DATA)/report -maxdepth 1 -type f -name index.html && wipe $(DATA)/report -maxdepth 0 -type d -empty && \
wipe $(state) -maxdepth 1 -type f \( -name '[!.]*' -o -name .filters \) && \
if [ -f .venv/made-by-make ] && [ ! -L .venv ]; then rm -rf .venv; fi; \
if [ -f examples/node_modules/.installed ] && [ ! -L examples/node_modules ]; then rm -rf examples/node_modules; fi; \
for path in $(DATA)/models $(DATA)/.manifests .venv; do \
  if [ -e $$path ]; then echo "kept: $$path, which contains files that no run created"; fi; \
done
endef

# Under exclusive locks if any Python works; without one, no other command can be running.
.PHONY: clean
clean: ## remove what runs created, except raw files and manifests
	@set -- bash -fc '$(subst ','\'',$(wipe))' && for program in "$$python" $(pythons); do \
	  if "$$program" -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2> /dev/null; then \
	    exec "$$program" -m etl.storage.locked "$$DATA" $(sources:%=models/%) manifests -- "$$@"; \
	  fi; \
	done; exec "$$@"

# Folders are prerequisites, since their times show removed files; outputs are too, so that edited ones are rebuilt. Raw files
# have no rule: a checkout changes every file time, and a fresh clone must never cause requests. Names that cannot be
# prerequisites are left out: with spaces or line breaks (their halves do not exist), with `%`, and dangling links.
override existing = $(foreach path,$(wildcard $(wildcard $(1))),$(if $(findstring %,$(path)),,$(if $(realpath $(path)),$(path))))
$(sources:%=$(state)/%): $(state)/%: schemas/model.schema.json schemas/ledger.schema.json \
  $(modules_all) $(modules_models) $$(wildcard etl/sources/$$*/*.* schemas/$$*/*.json) \
  $$(call existing,$(DATA)/raw $(DATA)/raw/$$* $(DATA)/raw/$$*/* $(DATA)/raw/$$*/*/*.json) \
  $$(call existing,$(DATA)/models/$$* $(DATA)/models/$$*/* $(DATA)/models/$$*/*/*.json) \
  $$(if $$(filter changed-$$*,$(seen)),force) $$(if $$(wildcard $(DATA)/models/$$*/summary.json),,force) | $(ready)
	@$(call stamped,$(etl) transform --source=$* $(where) $(workers),$@)

# Models are built first, source by source, so that -j2 builds both in parallel; `etl manifests` then finds them up to date.
$(index): $(models) $(modules_all) $(modules_manifests) $(wildcard schemas/*.schema.json schemas/*/*.schema.json) \
  $$(call existing,$(DATA)/manifests $(DATA)/manifests/*) \
  $(if $(filter changed-manifests,$(seen)),force) $(if $(wildcard $(DATA)/manifests/index.json),,force) | $(ready)
	@$(call stamped,$(etl) manifests $(where) $(workers),$(models) $@)

$(state)/sources.mk: $(wildcard etl/config/*.py etl/sources/*/transform.jq) $(if $(and $(filter undefined,$(origin MAKE_RESTARTS)),$(filter changed-.filters,$(seen))),force) \
  | $(ready)
	@mkdir -p -- $(state) && echo '*' > $(state)/.gitignore && if [ -f "$$FILTERS" ]; then cat < "$$FILTERS" > $(state)/.filters; fi && \
	{ printf 'override configured :=' && { "$$python" -m etl.config.names "$$FILTERS" 2> /dev/null || :; } && echo; } > $@

.PHONY: force
force:

# Any Python 3 can run bootstrap.py, which selects the first one that is new enough.
override define bootstrap
@if [ -n "$$PYTHON" ]; then set -- "$$PYTHON"; else set -- $(pythons); fi; \
for program in "$$@"; do \
  if "$$program" -c 'import sys; sys.exit(sys.version_info < (3, 6))' 2> /dev/null; then exec "$$program" -I bootstrap.py $(@F) "$$@"; fi; \
done; \
echo "Python 3.11 or newer is needed (not found: $$*); name one: make PYTHON=/path/to/python3.12" >&2; exit 2
endef

.venv/ok: requirements.txt bootstrap.py $(if $(filter venv,$(seen)),force)
	$(bootstrap)

.venv/dev: requirements-dev.txt .venv/ok
	$(bootstrap)
endif
