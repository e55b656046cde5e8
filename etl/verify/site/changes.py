"""The list of changes: what it says of each publication, and what the newest one changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl.verify.published import Check

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.verify.site.files import Site

    Models = dict[tuple[str, str], Mapping[str, Any]]

MAX_PUBLICATIONS = 50
_FIELDS = ("size", "license", "level", "level_most", "flagged")


def check_changes(site: Site) -> Check:
    """The list has at most 50 publications, newest first, with the counts of their files; the first is this publication.

    It is not older than the one before, since clients refuse that.
    """
    check = Check("changes", fix=site.fix)
    listed, entry = site.value("changes"), site.entry
    if listed is None or entry is None:
        return check
    file, publications = site.file("changes"), listed["publications"]
    check.looked_at = len(publications)
    if len(publications) > MAX_PUBLICATIONS:
        site.problem(check, file, "$.publications", f"has {len(publications)} (expected at most {MAX_PUBLICATIONS})")
    for number, publication in enumerate(publications):
        if (changes := site.values.get(publication["file"])) is None:
            continue
        expected = {key: len(changes[key]) for key in ("added", "removed", "changed")} | {"generated": changes["generated"]}
        for key, value in expected.items():
            if publication[key] != value:
                path, text = f"$.publications[{number}].{key}", f"says {publication[key]}, but {publication['file']} has {value}"
                site.problem(check, file, path, text)
        following = publications[number + 1 : number + 2]
        # null: the files of the publication before were lost, so that nothing could be compared
        if following and changes["since"] not in (None, following[0]["generated"]):
            text = f"says {changes['since']}, but the publication before is of {following[0]['generated']}"
            site.problem(check, publication["file"], "$.since", text)
    if not publications or publications[0]["generated"] != entry["generated"]:
        site.problem(check, file, "$.publications[0]", f"is not of this publication (expected {entry['generated']})")
    elif newest := site.values.get(publications[0]["file"]):
        _check_newest(site, check, publications[0]["file"], newest)
    return check


def _check_newest(site: Site, check: Check, file: str, changes: Mapping[str, Any]) -> None:
    """Check what the newest publication changed, against the shards of both publications."""
    entry = site.entry or {"previous": []}
    after = _models(site.values, site.entry)
    if not entry["previous"]:
        if changes["since"] is None and (changes["added"] or changes["removed"] or changes["changed"]):
            site.problem(check, file, "$", "states changes, but the first publication has nothing to compare with")
        return
    previous = site.earlier.get(entry["previous"][0])
    before = _models({**site.earlier, **site.values}, previous)
    if previous and str(previous.get("generated")) > entry["generated"]:
        older = f"{entry['generated']} is older than {previous.get('generated')} of the publication before"
        site.problem(check, "entry.json", "$.generated", f"{older}: clients that have that refuse this one")
    if before is None or after is None:
        return
    facts = {
        (*key, field, before[key][field], after[key][field])
        for key in before.keys() & after.keys() for field in _FIELDS
        if field in before[key] and field in after[key] and before[key][field] != after[key][field]
    }  # fmt: skip
    expected: dict[str, set[tuple[Any, ...]]] = {
        "added": {*(after.keys() - before.keys())}, "removed": {*(before.keys() - after.keys())}, "changed": facts
    }  # fmt: skip
    for name, rows in expected.items():
        columns = ("source", "id", *(("field", "before", "after") if name == "changed" else ()))
        stated = {tuple(row[column] for column in columns) for row in changes[name]}
        if wrong := sorted(stated ^ rows, key=repr):
            verb = "has, but it is not so" if wrong[0] in stated else "does not have"
            site.problem(check, file, f"$.{name}", f"{verb}: {', '.join(map(str, wrong[0]))}")


def _models(values: Mapping[str, Any], entry: Any) -> Models | None:
    """Return the models of a publication by source and id; None if a file is missing or not what it was."""
    try:
        references = values[entry["models"]["file"]]["shards"].values()
        models = [model for reference in references for model in values[reference["file"]]["models"]]
        return {(model["source"], model["id"]): model for model in models}
    except (LookupError, TypeError, AttributeError):
        return None
