"""How many models a stream has whose pages are not transformed: its records, as the source's audit reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from etl.core.errors import InvalidDataError
from etl.core.ids import digest, model_key
from etl.core.levels import LEVELS
from etl.core.schemas import load_schema
from etl.selection.safety import RejectedRecord
from etl.sources.source import get_source

if TYPE_CHECKING:
    from etl.config.source_config import SourceConfig
    from etl.storage.json_files import JsonBody


class AuditedPage(NamedTuple):
    """The records of a page that have an id.

    Attributes:
        models: Those that may be published: the id, and the levels of a record that is flagged or not of the mildest level only.
        set_aside: Those that must not.
    """

    models: list[dict[str, Any]]
    set_aside: list[RejectedRecord]


class RecordTally:
    """The distinct models of one stream, counted page by page without the transform; by hashes of their ids, as in `Tally`.

    Attributes:
        duplicates: How many later records of a model there are.
    """

    def __init__(self, source: SourceConfig) -> None:
        self.duplicates = 0
        self._api = get_source(source.name)
        self._read = self._api.load_audit().read
        self._skip = {model_key(id_) for id_ in source.skip}
        self._seen: set[int] = set()

    @property
    def models(self) -> int:
        """How many distinct models there are."""
        return len(self._seen)

    def add_page(self, body: JsonBody) -> AuditedPage:
        """Add the records of the next page, and return them.

        Raises:
            InvalidDataError: it is not a response of the source.
        """
        page = self._audit(body)
        keys = (model_key(model["id"]) for model in page.models)
        hashes = [digest(key) for key in keys if key not in self._skip]
        before = len(self._seen)
        self._seen.update(hashes)
        self.duplicates += len(hashes) - (len(self._seen) - before)
        return page

    def _audit(self, body: JsonBody) -> AuditedPage:
        records, key = self._api.records(body.value), self._api.records_key
        envelope = [] if key is None else {**body.value, key: []}
        if violations := load_schema(f"{self._api.name}/raw").violations(envelope):
            raise InvalidDataError(f"the response: {violations[0]}; the source has changed its format")
        page = AuditedPage([], [])
        for record in records:
            id_ = record.get("id") if isinstance(record, dict) else None
            if id_ is None:
                continue
            audit = self._read(record)
            if audit.rejections:
                page.set_aside.append(RejectedRecord(id_, audit.rejections[0], None))
                continue
            model = {"id": id_}
            if audit.flagged or audit.level_most:
                model |= {"level": LEVELS[audit.level], "level_most": LEVELS[audit.level_most], "flagged": audit.flagged}
            page.models.append(model)
        return page
