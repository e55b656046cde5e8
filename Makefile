# A graph of files: what shapes an output is its prerequisite. `make` alone lists the words. GNU make 3.81 suffices, whose shell
# knows neither -e nor pipefail: commands of a recipe are joined by &&.
override SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.SECONDEXPANSION:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --warn-undefined-variables

# Every variable is text. What the command line or the environment says replaces itself, unexpanded, and reaches a recipe in its
# environment, as "$$NAME"; the shell reads no word of it. What is said of another name is text too.
override variables := DATA FILTERS SOURCE BASE NEW OLDEST ALLOW_SHRINK ALLOW_REJECTED FILTER AGAINST MAX_AGE PYTHON WORKERS
override given := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
override inherited := $(strip $(foreach name,$(variables),$(if $(filter environment,$(origin $(name))),$(if $(value $(name)),$(name)))))
DATA ?= data
FILTERS ?= filters.toml
$(foreach name,$(variables) $(given),$(eval override $(name) := $$(value $(name))))
# The Python that runs the words; one that is named on the command line has the packages, and no .venv is made.
python := .venv/bin/python
override pythons := python3 python3.14 python3.13 python3.12 python3.11
export $(variables) python
override ready := $(if $(filter python,$(given)),,.venv/ok)
override ready_dev := $(if $(filter python,$(given)),,.venv/dev)

# Sources are the folders with a jq program.
override sources := $(patsubst etl/sources/%/transform.jq,%,$(wildcard etl/sources/*/transform.jq))
override space := $(subst ,, )
override define newline


endef
# DATA and SOURCE stand in prerequisites: they are judged before anything is written or removed.
override odd := $$ ; : \# % * ? [ ] ~ ' " \ & | < > ( ) { } ! ` = ,
override signs := $(strip $(foreach sign,$(odd),$(findstring $(sign),$(DATA))))
override wrong :=
ifeq ($(strip $(DATA)),)
override wrong := DATA: must name a folder (expected a path such as data, got nothing)
else ifneq ($(strip $(DATA))$(word 2,$(DATA)),$(DATA))
override wrong := DATA=$(strip $(DATA)): must be one word (expected a path without white space)
else ifneq ($(signs),)
override wrong := DATA=$(DATA): must not hold $(signs) (make or a shell reads that); rename the folder, or name a link to it
else ifneq ($(filter -%,$(DATA)),)
override wrong := DATA=$(DATA): must not begin with a dash; write ./$(DATA)
else ifeq ($(abspath $(DATA)),/)
override wrong := DATA=$(DATA): must be a folder below /
else ifeq ($(realpath $(DATA)),/)
override wrong := DATA=$(DATA): must be a folder below /, not a link to it
else ifneq ($(filter $(sources),$(SOURCE))$(word 2,$(SOURCE)),$(SOURCE))
override wrong := SOURCE=$(SOURCE): no source of that name; there are $(sort $(sources))
endif
ifneq ($(wrong),)
ifneq ($(filter-out help,$(MAKECMDGOALS)),)
$(error $(wrong))
endif
override DATA := data
override SOURCE :=
else ifneq ($(inherited),)
ifeq ($(filter announced,$(given)),)
$(warning from the environment: $(patsubst DATA,DATA=$(DATA),$(inherited)))
endif
endif

override etl := "$$python" -m etl
override where := --data="$$DATA" --filters="$$FILTERS"
override source := $${SOURCE:+"--source=$$SOURCE"}
override max_age := $${MAX_AGE:+"--max-age=$$MAX_AGE"}
override base := $${BASE:+"--base=$$BASE"}
# The positional parameters become the options of ALLOW_SHRINK and ALLOW_REJECTED, one for each word.
override allowed := set -f && set -- && for each in $$ALLOW_SHRINK; do set -- "$$@" "--allow-shrink=$$each"; done && \
  for each in $$ALLOW_REJECTED; do set -- "$$@" "--allow-rejected=$$each"; done

# The first of these words changes files, which make looks at before it runs any recipe, so that the others are a make of their own.
override first := $(firstword $(foreach word,clean extract refresh,$(filter $(word),$(MAKECMDGOALS))))
override rest := $(filter-out $(first),$(MAKECMDGOALS))
ifneq ($(and $(first),$(rest)),)
.PHONY: $(first) $(rest)
$(first):
	@$(MAKE) --no-print-directory announced=yes $@

$(firstword $(rest)): $(first)
	@$(MAKE) --no-print-directory announced=yes $(rest)

$(wordlist 2,$(words $(rest)),$(rest)): $(firstword $(rest)) ;
else

# Stamps: each is a copy of the filters file that was used, and newer than what was written with it. The folder ignores itself.
override state := $(DATA)/.make
override index := $(state)/manifests
# One look at what time does not tell: where .venv was made, the sources that FILTERS names, which stamps have other filters.
override quoted := '$(subst ','\'',$(FILTERS))'
override look := { IFS= read -r place && IFS= read -r base; } < .venv/ok && [ "$$place" = "$$(cd .venv && pwd -P)" ] && \
  [ .venv/bin/python -ef "$$base" ] || echo venv; \
  [ ! -f $(quoted) ] || \
    sed -nE "s/^[[:space:]]*\[?[[:space:]]*[\"']?($(subst $(space),|,$(sources)))[\"']?[[:space:]]*[].=].*/named-\1/p" < $(quoted); \
  for stamp in $(sources) manifests; do { [ -f $(quoted) ] && cmp -s - $(state)/$$stamp < $(quoted); } || echo changed-$$stamp; done
override seen := $(if $(findstring $(newline),$(FILTERS)),$(addprefix changed-,$(sources) manifests),$(shell exec 2> /dev/null; $(look)))
override named := $(or $(filter $(seen:named-%=%),$(sources)),$(sources))
override models := $(named:%=$(state)/%)
override chosen := $(if $(SOURCE),$(state)/$(SOURCE),$(models))

# The modules that shape models and manifests, only models, only manifests; a test compares them with what is imported.
override shapes_all := $(wildcard $(addprefix etl/,__init__.py core/*.py config/*.py sources/*.py) \
  $(addprefix etl/storage/,__init__.py json_files.py ledger.py))
override shapes_models := $(wildcard etl/transform/*.py)
override shapes_manifests := $(wildcard etl/load/*.py etl/selection/*.py etl/storage/owned.py etl/storage/swap.py)

# Run a command, the first argument; when it was good, the second, stamps, are written one by one, under other names first. Not
# where filters, raw files or programs changed meanwhile: what was made of them is not known, and the next run looks again.
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
help: ## list the words
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

.PHONY: plan
plan: $(ready) ## show what extract would ask, and what is on disk
	@$(etl) plan $(where) $(source) $(max_age)

.PHONY: extract
extract: $(ready) ## ask the APIs for today's answers
	@$(etl) extract $(where) $(source) $(max_age)

.PHONY: refresh
refresh: $(ready) ## extract, manifests and verify, also after a stream failed
	@$(allowed) && $(etl) refresh $(where) $(source) $(max_age) $(base) "$$@"

.PHONY: manifests
manifests: $(index) ## transform and load what changed

.PHONY: transform
transform: $(chosen) ## make the models of what changed

.PHONY: verify
verify: $(ready) | $(filter manifests,$(MAKECMDGOALS)) ## check what is published: OLDEST=2d, BASE, ALLOW_SHRINK=hf/small, ALLOW_REJECTED=civitai/poi
	@$(allowed) && $(etl) verify $(where) $(base) $${OLDEST:+"--max-age=$$OLDEST"} "$$@"

.PHONY: diff
diff: $(ready) | $(filter manifests,$(MAKECMDGOALS)) ## what changed since the last commit: BASE, NEW are folders or revisions
	@if [ -n "$$NEW" ]; then set -- "$${BASE:-HEAD}" "$$NEW"; else set -- $${BASE:+"$$BASE"}; fi && $(etl) diff $(where) -- "$$@"

.PHONY: explain
explain: $(models) ## why a page is what it is: FILTER=hf/likes/small, a manifest or a model; AGAINST=another
	@$(etl) explain $(where) $${AGAINST:+"--against=$$AGAINST"} -- "$$FILTER"

# Tests know nothing of the variables of this run.
override alone := program=$$python && unset $(variables) python MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES && exec "$$program" -m

.PHONY: test
test: $(ready_dev) ## the project's own tests, WORKERS=2 at a time
	@set -- $${WORKERS:+"--numprocesses=$$WORKERS"} && $(alone) pytest -q "$$@"

.PHONY: lint
lint: $(ready_dev) ## check style, types and imports of the project's own code
	@"$$python" -m ruff check . && "$$python" -m ruff format --check . && "$$python" -m mypy && \
	  "$$python" -c 'from importlinter.cli import lint_imports_command as main; main()' --no-cache --no-logo

.PHONY: serve
serve: $(ready_dev) ## both APIs on this machine, over the snapshot, to play with
	@$(alone) tests.support.fake_api

.PHONY: sizes
sizes: $(ready_dev) ## how often a size is right, by kind; fails when a figure drops
	@$(alone) tests.support.sizes

.PHONY: bench
bench: $(ready_dev) ## seconds, memory and requests, beside plain baselines
	@$(alone) bench

# Other people's files stay, and so does what a link leads to.
override define wipe
wipe() { find "$$@" -delete 2> /dev/null || :; } && for source in $(sources); do \
  wipe $(DATA)/models -mindepth 2 -maxdepth 3 -type f \( -path "$(DATA)/models/$$source/*/page-[0-9]*.json" \
    -o -path "$(DATA)/models/$$source/*.json.partial" -o -path "$(DATA)/models/$$source/summary.json" \) && \
  wipe $(DATA)/models -maxdepth 2 -type d \( -path $(DATA)/models -o -path $(DATA)/models/$$source -o \
    -path "$(DATA)/models/$$source/*" \) -empty; \
done && \
wipe $(DATA)/.manifests -mindepth 1 -path "$(DATA)/.manifests/set-*" && \
wipe $(DATA)/.manifests -maxdepth 1 -type f -name '*.json' && wipe $(DATA)/.manifests -maxdepth 0 -type d -empty && \
wipe $(state) -maxdepth 1 -type f -name '[!.]*' && \
if [ -f .venv/made-by-make ] && [ ! -L .venv ]; then rm -rf .venv; fi; \
for left in $(DATA)/models $(DATA)/.manifests .venv; do \
  if [ -e $$left ]; then echo "kept: $$left, which holds what no run made"; fi; \
done
endef

# Alone, where any Python runs; where none does, nobody else is at it.
.PHONY: clean
clean: ## remove what a run made, but for raw files and manifests
	@set -- bash -fc '$(subst ','\'',$(wipe))' && for each in "$$python" $(pythons); do \
	  if "$$each" -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2> /dev/null; then \
	    exec "$$each" -m etl.storage.locked "$$DATA" $(sources:%=models/%) manifests -- "$$@"; \
	  fi; \
	done; exec "$$@"

# Folders are prerequisites too: their times tell of files that were removed, and so are outputs: what was edited is made again.
# There is no rule for raw files: a checkout rewrites every time, and a fresh clone must never be sent to the network. Names that
# are not ours may hold spaces or line breaks, the halves of which do not exist, or `%`, or be links to nothing: no prerequisites.
override there = $(foreach path,$(wildcard $(wildcard $(1))),$(if $(findstring %,$(path)),,$(if $(realpath $(path)),$(path))))
$(sources:%=$(state)/%): $(state)/%: schemas/%.raw.schema.json schemas/model.schema.json schemas/ledger.schema.json \
  $(shapes_all) $(shapes_models) $$(wildcard etl/sources/$$*/*.*) \
  $$(call there,$(DATA)/raw $(DATA)/raw/$$* $(DATA)/raw/$$*/* $(DATA)/raw/$$*/*/*.json) \
  $$(call there,$(DATA)/models/$$* $(DATA)/models/$$*/* $(DATA)/models/$$*/*/*.json) \
  $$(if $$(filter changed-$$*,$(seen)),force) $$(if $$(wildcard $(DATA)/models/$$*/summary.json),,force) | $(ready)
	@$(call stamped,$(etl) transform --source=$* $(where),$@)

# Models are made before, source by source, so that -j2 makes both at once; then they are found to be current.
$(index): $(models) $(shapes_all) $(shapes_manifests) $(wildcard schemas/*.schema.json) \
  $$(call there,$(DATA)/manifests $(DATA)/manifests/*) \
  $(if $(filter changed-manifests,$(seen)),force) $(if $(wildcard $(DATA)/manifests/index.json),,force) | $(ready)
	@$(call stamped,$(etl) manifests $(where),$(models) $@)

.PHONY: force
force:

# Any Python 3 that runs can read bootstrap.py, which takes the first that is new enough.
override define bootstrap
@if [ -n "$$PYTHON" ]; then set -- "$$PYTHON"; else set -- $(pythons); fi; \
for each in "$$@"; do \
  if "$$each" -c 'import sys; sys.exit(sys.version_info < (3, 6))' 2> /dev/null; then exec "$$each" -I bootstrap.py $(@F) "$$@"; fi; \
done; \
echo "Python 3.11 or newer is needed (not found: $$*); name one: make PYTHON=/path/to/python3.12" >&2; exit 2
endef

.venv/ok: requirements.txt bootstrap.py $(if $(filter venv,$(seen)),force)
	$(bootstrap)

.venv/dev: requirements-dev.txt .venv/ok
	$(bootstrap)
endif
