#!/usr/bin/env bash
# Refreshes a catalogue that has a repository of its own, and opens what changed as a pull request, or stops with the reason.
#   CATALOGUE=../catalogue examples/nightly.sh
# The repository holds manifests/ and models/, so that the diff can speak of models; its .gitignore names raw/ and .manifests/.
# FILTERS may name another filters.toml, ALLOW_SHRINK filters that may lose models tonight (hf/small civitai/sd15), and PYTHON
# one that has the packages of requirements.txt. Needs gh, and what README.md needs; run it in a clone of this project.
set -euo pipefail
catalogue=${CATALOGUE:?name the folder of the catalogue}
[[ -n ${PYTHON:-} ]] || make -s .venv/ok
etl() { "${PYTHON:-.venv/bin/python}" -m etl "$1" --data "$catalogue" --filters "${FILTERS:-filters.toml}" "${@:2}"; }
in_catalogue() { git -C "$catalogue" "$@"; }
allowed=()
for filter in ${ALLOW_SHRINK:-}; do allowed+=(--allow-shrink "$filter"); done
main=$(in_catalogue symbolic-ref --short HEAD) # what is compared with: it must be what is online

code=0
etl refresh ${allowed[@]+"${allowed[@]}"} || code=$?
# After 75 a source was not there: its pages are as they were, and index.json calls them stale. Anything else needs a person.
if ((code != 0 && code != 75)); then
    echo "stopped: refresh ended with $code; see above" >&2
    exit "$code"
fi
# Once more, since 75 outranks a failed check.
etl verify --max-age 3d ${allowed[@]+"${allowed[@]}"} || { echo "stopped: verify refused what is in $catalogue/manifests" >&2; exit 1; }

if [[ -z $(in_catalogue status --porcelain manifests) ]]; then
    echo "nothing changed"
    exit "$code"
fi
body=$(mktemp)
trap 'rm -f "$body"' EXIT
etl diff --markdown > "$body"
title="Refresh of $(date -u +%Y-%m-%d)"
branch=refresh-$(date -u +%Y-%m-%d-%H%M%S)
in_catalogue switch --quiet --create "$branch"
trap 'rm -f "$body"; in_catalogue switch --quiet "$main"' EXIT # also when it is not pushed: the next night compares with $main
in_catalogue add manifests models
in_catalogue commit --quiet --message "$title"
in_catalogue push --quiet origin "$branch"
(cd "$catalogue" && gh pr create --base "$main" --head "$branch" --title "$title" --body-file "$body")
exit "$code"
