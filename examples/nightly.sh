#!/usr/bin/env bash
# Refreshes a catalogue that has a repository of its own, and opens what changed as a pull request, or stops with the reason.
#   CATALOGUE=../catalogue examples/nightly.sh [--filters my.toml]
# The repository holds manifests/ and models/, so that the diff can speak of models; its .gitignore names raw/ and .manifests/.
# Needs gh, and what README.md needs; run it in a clone of this project. PYTHON may name a Python that has its packages.
set -euo pipefail
catalogue=${CATALOGUE:?name the folder of the catalogue}
[[ -n ${PYTHON:-} ]] || make -s .venv/ok
etl() { "${PYTHON:-.venv/bin/python}" -m etl "$1" --data "$catalogue" "${@:2}"; }
in_catalogue() { git -C "$catalogue" "$@"; }

code=0
etl refresh "$@" || code=$?
# After 75 a source was not there: its pages are as they were, and index.json calls them stale. Anything else needs a person.
if ((code != 0 && code != 75)); then
    echo "stopped: refresh ended with $code; see above" >&2
    exit "$code"
fi
# Once more, since 75 outranks a failed check.
etl verify --max-age 3d "$@" || { echo "stopped: verify refused what is in $catalogue/manifests" >&2; exit 1; }

if [[ -z $(in_catalogue status --porcelain manifests) ]]; then
    echo "nothing changed"
    exit "$code"
fi
body=$(mktemp)
trap 'rm -f "$body"' EXIT
etl diff --markdown "$@" > "$body"
branch=refresh-$(date -u +%Y-%m-%d-%H%M%S)
in_catalogue switch --quiet --create "$branch"
in_catalogue add manifests models
in_catalogue commit --quiet --message "$(head -n 1 "$body")"
in_catalogue push --quiet origin "$branch"
(cd "$catalogue" && gh pr create --head "$branch" --title "$(head -n 1 "$body")" --body-file "$body")
exit "$code"
