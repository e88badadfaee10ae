"""Which models end when, and what takes their place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

from hookline_lifecycle.retirement import find_successor
from hookline_lifecycle.standing import Outlook

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline_openai.model_table import ModelTable

Status = Literal["active", "deprecated", "retired", "unknown"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRow:
    """One model on one day.

    Attributes:
        id: Its id.
        kind: What it is made for; None if it is not in the table.
        status: How it stands that day.
        deprecated_on: Day on which its end was announced.
        ends_on: First day without it.
        days_left: Days until then; zero or less once it is gone.
        replacement: Model that is served that day and takes its place.
        note: What else is to be known about the replacement.
        is_ending: Whether it is gone, or is soon.
    """

    id: str
    kind: str | None = None
    status: Status
    deprecated_on: date | None = None
    ends_on: date | None = None
    days_left: int | None = None
    replacement: str | None = None
    note: str | None = None
    is_ending: bool = False

    def as_json(self) -> JsonObject:
        """Return the row with its days as text."""
        return {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in asdict(self).items()
        }


def make_report(
    table: ModelTable,
    names: Iterable[str] | None,
    *,
    today: date,
    within_days: int,
    replacements: Mapping[str, str],
    with_retired: bool = False,
) -> list[ModelRow]:
    """Return one row for each model.

    Args:
        table: What is known.
        names: Models by id, each shown once; None for all of the table.
        today: The day to look from.
        within_days: How many days from then count as soon.
        replacements: Replacements that go before the table's own.
        with_retired: Whether all of the table includes what is gone.
    """
    outlook = Outlook(table, None, True, today, 0.0)
    ids = [info.id for info in table] if names is None else dict.fromkeys(names)
    rows = [_row(id, outlook, within_days, replacements) for id in ids]
    return [row for row in rows if names is not None or with_retired or row.status != "retired"]


def _row(id: str, outlook: Outlook, within_days: int, replacements: Mapping[str, str]) -> ModelRow:
    info = outlook.table.find(id)
    if info is None:
        return ModelRow(id=id, status="unknown")
    standing = outlook.standing_of(id)
    if standing is None:
        return ModelRow(id=id, kind=info.kind, status="active")
    successor = find_successor(id, outlook, replacements)
    days_left = (standing.ends_on - outlook.today).days
    return ModelRow(
        id=id,
        kind=info.kind,
        status=standing.state,
        deprecated_on=standing.deprecated_on,
        ends_on=standing.ends_on,
        days_left=days_left,
        replacement=successor.model,
        note=successor.note,
        is_ending=days_left <= within_days,
    )
