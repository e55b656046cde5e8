#!/usr/bin/env bash
# Refreshes a catalogue that has a repository of its own, and opens what changed as a pull request, or stops with the reason.
#   CATALOGUE=../catalogue examples/nightly.sh
# The repository holds manifests/ and models/, so that the diff can speak of models; its .gitignore names raw/ and .manifests/.
# FILTERS may name another filters.toml, ALLOW_SHRINK filters that may lose models tonight (hf/small civitai/sd15), and PYTHON
# one that has the packages of requirements.txt. Needs gh, and what README.md needs; run it in a clone of this project.
set -euo pipefail
set -f # names in ALLOW_SHRINK are no patterns
stop() {
    echo "stopped: $1" >&2
    exit "${2:-1}"
}
catalogue=${CATALOGUE:?name the folder of the catalogue}
command -v gh > /dev/null || stop "gh is not there, which opens the pull request" 2
[[ -n ${PYTHON:-} ]] || make -s .venv/ok
etl() { "${PYTHON:-.venv/bin/python}" -m etl "$1" --data "$catalogue" --filters "${FILTERS:-filters.toml}" "${@:2}"; }
in_catalogue() { git -C "$catalogue" "$@"; }
allowed=()
for filter in ${ALLOW_SHRINK:-}; do allowed+=(--allow-shrink "$filter"); done
# What is compared with must be what is online.
main=$(in_catalogue symbolic-ref --short HEAD) || stop "$catalogue is on no branch" 2

code=0
etl refresh ${allowed[@]+"${allowed[@]}"} || code=$?
# After 75 a source was not there: its pages are as they were, and index.json calls them stale. Anything else needs a person.
((code == 0 || code == 75)) || stop "refresh ended with $code; see above" "$code"
# Once more, since 75 outranks a failed check.
etl verify --max-age 3d ${allowed[@]+"${allowed[@]}"} || stop "verify refused what is in $catalogue/manifests"

if [[ -z $(in_catalogue status --porcelain manifests) ]]; then
    echo "nothing changed"
    exit "$code"
fi
body=$(mktemp)
trap 'rm -f "$body"' EXIT
etl diff --markdown > "$body" || stop "what changed cannot be told"
title="Refresh of $(date -u +%Y-%m-%d)"
branch=refresh-$(date -u +%Y-%m-%d-%H%M%S)
in_catalogue switch --quiet --create "$branch"
trap 'rm -f "$body"; in_catalogue switch --quiet "$main"' EXIT # whatever follows: the next night compares with $main
in_catalogue add manifests models
in_catalogue commit --quiet --message "$title"
in_catalogue push --quiet origin "$branch" || stop "branch $branch of $catalogue cannot be pushed"
(cd "$catalogue" && gh pr create --base "$main" --head "$branch" --title "$title" --body-file "$body") ||
    stop "branch $branch is pushed, and no pull request can be opened"
exit "$code"
