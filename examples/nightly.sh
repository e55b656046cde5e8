#!/usr/bin/env bash
# Refreshes a catalogue in its own git repository and opens a pull request with the changes, or stops with the reason.
#   CATALOGUE=../catalogue examples/nightly.sh
# The repository contains manifests/ and models/, so that the diff can compare models; its .gitignore lists raw/, .manifests/ and
# .locks/. Optional variables: FILTERS, another filters.toml; ALLOW_SHRINK, filters that may lose models (hf/small civitai/sd15);
# ALLOW_REJECTED, expected losses (civitai/poi); PYTHON, an interpreter with the packages of requirements.txt. Requires gh and
# what README.md requires; run it in a clone of this project.
#
# The checked-out branch, the index and staged changes are never modified: the commit is built in a temporary index, contains only
# the files of this project, is unsigned, and is pushed as a new branch. Hooks run for the push only.
set -euo pipefail
set -f # names in ALLOW_SHRINK are not glob patterns
stop() {
    echo "stopped: $1" >&2
    exit "${2:-1}"
}
# If a git hook runs this script, these name the hook's repository.
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_COMMON_DIR GIT_NAMESPACE GIT_PREFIX
unset GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
catalogue=${CATALOGUE:?must be set to the folder of the catalogue}
command -v gh > /dev/null || stop "gh not found (it opens the pull request); install it" 2
# Each program gets only the tokens that it needs.
without_sources() (unset HF_TOKEN CIVITAI_API_KEY CIVITAI_TOKEN CIVITAI_API_TOKEN && "$@")
without_github() (unset GH_TOKEN GITHUB_TOKEN && "$@")
[[ -n ${PYTHON:-} ]] || without_github without_sources make -s .venv/ok || stop "the packages could not be installed; see above" 2
etl() {
    without_github "${PYTHON:-.venv/bin/python}" -m etl "$1" --data "$catalogue" --filters "${FILTERS:-filters.toml}" "${@:2}"
}
in_catalogue() { without_sources git -C "$catalogue" -c core.fsmonitor=false -c core.hooksPath=/dev/null "$@"; }
with_own_index() { GIT_INDEX_FILE=$scratch/index in_catalogue "$@"; }
allowed=()
for filter in ${ALLOW_SHRINK:-}; do allowed+=(--allow-shrink "$filter"); done
for loss in ${ALLOW_REJECTED:-}; do allowed+=(--allow-rejected "$loss"); done
# The base of the comparison is the commit that is online.
main=$(in_catalogue symbolic-ref --short HEAD) || stop "$catalogue: HEAD is not on a branch; check one out" 2
head=$(in_catalogue rev-parse --verify --quiet "HEAD^{commit}") ||
    stop "$catalogue has no commit on $main yet, or is damaged: git -C $catalogue fsck" 2
lock=$(in_catalogue rev-parse --git-path index.lock) || stop "$catalogue is damaged: git -C $catalogue fsck" 2
[[ $lock == /* ]] || lock=$catalogue/$lock
[[ ! -e $lock ]] || stop "another git command is running in $catalogue, or was killed; if none is running: rm $(printf %q "$lock")" 2

code=0
etl refresh ${allowed[@]+"${allowed[@]}"} || code=$?
# 75: a source was unavailable. Its manifests are unchanged, and index.json marks them stale. Other codes need a person.
((code == 0 || code == 75)) || stop "refresh ended with $code; see above" "$code"
# Verify again, since 75 outranks a failed check.
etl verify --max-age 3d ${allowed[@]+"${allowed[@]}"} || stop "verify failed for $catalogue/manifests; see above" $?

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# List the files of this project in the folder and in the last commit: those in their indexes and summaries, without patterns.
paths='import pathlib, sys
from etl.core.layout import ALL_MODELS, INDEX, DataDir
from etl.storage.owned import listed_files
from etl.storage.snapshot import resolve_snapshot, working_tree
data = DataDir(pathlib.Path(sys.argv[1]))
for snapshot in filter(None, (working_tree(data), resolve_snapshot(data, None))):
    listed = {INDEX, ALL_MODELS, *listed_files(snapshot.manifests.get(INDEX, b""))} & snapshot.manifests.keys()
    paths = [*(f"manifests/{name}" for name in listed), *(f"models/{path}" for path in snapshot.models)]
    sys.stdout.write("".join(f":(literal){path}\0" for path in paths))'
without_github without_sources "${PYTHON:-.venv/bin/python}" -c "$paths" "$catalogue" > "$scratch/ours" ||
    stop "the files of this project in $catalogue could not be listed; see above" $?
with_own_index read-tree "$head" || stop "$catalogue: commit $head could not be read: git -C $catalogue fsck" 2
with_own_index add --all --pathspec-from-file="$scratch/ours" --pathspec-file-nul || stop "the files of $catalogue could not be added; see above" 2
changed=0
with_own_index diff-index --cached --quiet "$head" -- manifests || changed=$?
((changed <= 1)) || stop "git could not compare $catalogue with its last commit; see above" 2
if ((changed == 0)); then
    echo "nothing changed"
    exit "$code"
fi
etl diff --markdown > "$scratch/body" || stop "the changes could not be described; see above" $?
[[ $(in_catalogue rev-parse HEAD) == "$head" ]] || stop "$catalogue got a new commit during the run; run it again" 75
title="Refresh of $(date -u +%Y-%m-%d)"
branch=refresh-$(date -u +%Y-%m-%d-%H%M%S)
not_committed="nothing was committed, and the new files are in $catalogue; see the error of git above"
tree=$(with_own_index write-tree) || stop "$not_committed" 2
commit=$(in_catalogue commit-tree -p "$head" -m "$title" "$tree") || stop "$not_committed" 2
in_catalogue branch --no-track "$branch" "$commit" || stop "$not_committed" 2
# From here on the files are in the branch; on exit, the folder returns to $main, the base of the next night.
restore_main() {
    with_own_index read-tree -m -u "$commit" "$head" ||
        echo "the files of $branch are still in $catalogue; to return to $main: git -C $catalogue checkout HEAD -- manifests models" >&2
    rm -rf "$scratch"
}
trap restore_main EXIT
without_sources git -C "$catalogue" push --quiet origin "$branch" ||
    stop "branch $branch could not be pushed; to push it: git -C $catalogue push origin $branch"
(cd "$catalogue" && without_sources gh pr create --base "$main" --head "$branch" --title "$title" --body-file "$scratch/body") ||
    stop "branch $branch was pushed, but the pull request could not be opened; see above"
exit "$code"
