#!/usr/bin/env bash
# Refreshes a catalogue that has a repository of its own, and opens what changed as a pull request, or stops with the reason.
#   CATALOGUE=../catalogue examples/nightly.sh
# The repository holds manifests/ and models/, so that the diff can speak of models; its .gitignore names raw/, .manifests/ and
# .locks/. FILTERS may name another filters.toml, ALLOW_SHRINK filters that may lose models tonight (hf/small civitai/sd15),
# ALLOW_REJECTED losses that are right (civitai/poi), and PYTHON one that has the packages of requirements.txt. Needs gh, and
# what README.md needs; run it in a clone of this project.
#
# The branch, the index and what is staged there are never touched: the commit is made of an index of its own, holds the files of
# this project and nothing else, is not signed, and is pushed as a branch of its own. Hooks run for the push only.
set -euo pipefail
set -f # names in ALLOW_SHRINK are no patterns
stop() {
    echo "stopped: $1" >&2
    exit "${2:-1}"
}
# What a hook that may have called says of its own repository.
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_COMMON_DIR GIT_NAMESPACE GIT_PREFIX
unset GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
catalogue=${CATALOGUE:?name the folder of the catalogue}
command -v gh > /dev/null || stop "gh is not there, which opens the pull request" 2
# Nobody gets a token that is not for them.
without_sources() (unset HF_TOKEN CIVITAI_API_KEY CIVITAI_TOKEN CIVITAI_API_TOKEN && "$@")
without_github() (unset GH_TOKEN GITHUB_TOKEN && "$@")
[[ -n ${PYTHON:-} ]] || without_github without_sources make -s .venv/ok || stop "the packages cannot be installed" 2
etl() {
    without_github "${PYTHON:-.venv/bin/python}" -m etl "$1" --data "$catalogue" --filters "${FILTERS:-filters.toml}" "${@:2}"
}
in_catalogue() { without_sources git -C "$catalogue" -c core.fsmonitor=false -c core.hooksPath=/dev/null "$@"; }
with_own_index() { GIT_INDEX_FILE=$scratch/index in_catalogue "$@"; }
allowed=()
for filter in ${ALLOW_SHRINK:-}; do allowed+=(--allow-shrink "$filter"); done
for loss in ${ALLOW_REJECTED:-}; do allowed+=(--allow-rejected "$loss"); done
# What is compared with must be what is online.
main=$(in_catalogue symbolic-ref --short HEAD) || stop "$catalogue is on no branch" 2
head=$(in_catalogue rev-parse --verify --quiet "HEAD^{commit}") ||
    stop "$catalogue has no commit on $main yet, or is damaged: git -C $catalogue fsck" 2
lock=$(in_catalogue rev-parse --git-path index.lock) || stop "$catalogue is damaged: git -C $catalogue fsck" 2
[[ $lock == /* ]] || lock=$catalogue/$lock
[[ ! -e $lock ]] || stop "another git is at work in $catalogue, or was killed; if none runs: rm $(printf %q "$lock")" 2

code=0
etl refresh ${allowed[@]+"${allowed[@]}"} || code=$?
# After 75 a source was not there: its pages are as they were, and index.json calls them stale. Anything else needs a person.
((code == 0 || code == 75)) || stop "refresh ended with $code; see above" "$code"
# Once more, since 75 outranks a failed check.
etl verify --max-age 3d ${allowed[@]+"${allowed[@]}"} || stop "verify refused what is in $catalogue/manifests" $?

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# What of the folder and of the last commit is of this project: what their indexes and summaries list, by no pattern.
paths='import pathlib, sys
from etl.core.layout import ALL_MODELS, INDEX, DataDir
from etl.storage.owned import listed_files
from etl.storage.snapshot import resolve_snapshot, working_tree
data = DataDir(pathlib.Path(sys.argv[1]))
for found in filter(None, (working_tree(data), resolve_snapshot(data, None))):
    listed = {INDEX, ALL_MODELS, *listed_files(found.manifests.get(INDEX, b""))} & found.manifests.keys()
    paths = [*(f"manifests/{name}" for name in listed), *(f"models/{path}" for path in found.models)]
    sys.stdout.write("".join(f":(literal){path}\0" for path in paths))'
without_github without_sources "${PYTHON:-.venv/bin/python}" -c "$paths" "$catalogue" > "$scratch/ours" ||
    stop "what is ours in $catalogue cannot be told" $?
with_own_index read-tree "$head" || stop "the commit $head of $catalogue cannot be read: git -C $catalogue fsck" 2
with_own_index add --all --pathspec-from-file="$scratch/ours" --pathspec-file-nul || stop "the files of $catalogue cannot be added" 2
changed=0
with_own_index diff-index --cached --quiet "$head" -- manifests || changed=$?
((changed <= 1)) || stop "git cannot tell what changed in $catalogue" 2
if ((changed == 0)); then
    echo "nothing changed"
    exit "$code"
fi
etl diff --markdown > "$scratch/body" || stop "what changed cannot be told" $?
[[ $(in_catalogue rev-parse HEAD) == "$head" ]] || stop "somebody committed to $catalogue meanwhile; run it again" 75
title="Refresh of $(date -u +%Y-%m-%d)"
branch=refresh-$(date -u +%Y-%m-%d-%H%M%S)
cannot="nothing is committed; tonight's files lie in $catalogue, and git says above what to mend"
tree=$(with_own_index write-tree) || stop "$cannot" 2
commit=$(in_catalogue commit-tree -p "$head" -m "$title" "$tree") || stop "$cannot" 2
in_catalogue branch --no-track "$branch" "$commit" || stop "$cannot" 2
# Whatever follows: the files are in the branch, and the folder goes back to $main, which the next night compares with.
leave() {
    with_own_index read-tree -m -u "$commit" "$head" ||
        echo "the files of $branch stay in $catalogue; back to $main: git -C $catalogue checkout HEAD -- manifests models" >&2
    rm -rf "$scratch"
}
trap leave EXIT
without_sources git -C "$catalogue" push --quiet origin "$branch" ||
    stop "branch $branch cannot be pushed; by hand: git -C $catalogue push origin $branch"
(cd "$catalogue" && without_sources gh pr create --base "$main" --head "$branch" --title "$title" --body-file "$scratch/body") ||
    stop "branch $branch is pushed, and no pull request can be opened"
exit "$code"
