"""Sums over rows, worked out by the database. Imports SQLAlchemy, so it is imported late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, case, func, or_, select

from hookline.errors import StoreUnavailableError
from hookline.store.failures import SLOW
from hookline.store.tables import USAGE_ROWS
from hookline_ledger.labels import printable
from hookline_ledger.rows import from_us, to_us
from hookline_ledger.totals import Group, Grouping, Question, Report, Totals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement

    from hookline.store.database import Database

_DAY_US = 86_400_000_000
_C = USAGE_ROWS.c
_IS_OUTER = _C.parent_id.is_(None)
_COLUMNS: dict[Grouping, ColumnElement[str | None]] = {
    "user": _C.end_user,
    "key": _C.key_id,
    "tenant": _C.tenant,
    "model": _C.model,
    "flow": _C.flow,
    "action": _C.action,
    "connection": _C.connection,
}


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


_SUMS: tuple[ColumnElement[int], ...] = (
    _count(_IS_OUTER),
    _count(~_IS_OUTER),
    _count(and_(_IS_OUTER, or_(_C.status >= 400, _C.error_code.is_not(None)))),
    func.coalesce(func.sum(_C.input_tokens), 0),
    func.coalesce(func.sum(_C.output_tokens), 0),
    func.coalesce(func.sum(_C.cached_tokens), 0),
    func.coalesce(func.sum(_C.reasoning_tokens), 0),
    func.sum(_C.cost_nano_usd),
    _count(_C.cost_nano_usd.is_(None)),
    _count(_C.is_estimated),
    _count(and_(_C.is_estimated, _C.cost_nano_usd.is_not(None))),
)


def answer(database: Database, question: Question, *, timeout_s: float) -> Report:
    """Return what a question asks for.

    Args:
        database: Where the rows are.
        question: What is asked.
        timeout_s: Longest time that the database may take.

    Raises:
        StoreUnavailableError: If the database cannot be used now, or takes too long; then it says what to
            ask for instead.
    """
    try:
        return _answer(database, question, timeout_s=timeout_s)
    except StoreUnavailableError as exc:
        if exc.message != SLOW:
            raise
        error = StoreUnavailableError(
            f"The calls of the time that was asked for could not be summed up within {timeout_s:g} s.",
            hint="Ask for a shorter time, with `since` and `until`, or for one key.",
        )
        error.retryable = False  # the same question would take as long
        raise error from exc


def _answer(database: Database, question: Question, *, timeout_s: float) -> Report:
    rows = _rows_of(question)
    if question.by == "day":
        day = _C.at_us // _DAY_US
        grouped = select(day, *_SUMS).where(rows).group_by(day).order_by(day.desc())
    else:
        column = _COLUMNS[question.by]
        order = (func.coalesce(func.sum(_C.cost_nano_usd), 0).desc(), func.count().desc(), column)
        grouped = select(column, *_SUMS).where(rows).group_by(column).order_by(*order)
    with database.connect(timeout_s=timeout_s) as connection:
        found = connection.execute(grouped.limit(question.max_groups + 1)).all()
        is_truncated = len(found) > question.max_groups
        totals = [_totals(sums) for _, *sums in found]
        if is_truncated:
            total = _totals(connection.execute(select(*_SUMS).where(rows)).one())
        else:  # every row is in one of the groups, so that none need be read again
            total = _totals([_sum(column) for column in zip(*(sums for _, *sums in found), strict=True)])
    groups = [
        Group(name=_name(row[0], question.by), totals=sums)
        for row, sums in zip(found[: question.max_groups], totals, strict=False)
    ]
    if question.by == "day":
        groups.reverse()
    return Report(question=question, groups=tuple(groups), total=total, is_truncated=is_truncated)


def _rows_of(question: Question) -> ColumnElement[bool]:
    conditions = [_C.at_us >= to_us(question.since), _C.at_us < to_us(question.until)]
    if question.key_id is not None:
        conditions.append(_C.key_id == question.key_id)
    if question.tenant is not None:
        # With a key, its index leads to fewer rows than the tenant's, which must not be taken.
        tenant = _C.tenant if question.key_id is None else func.coalesce(_C.tenant, "")
        conditions.append(tenant == question.tenant)
    return and_(*conditions)


def _sum(values: Sequence[int | None]) -> int | None:
    """Return the sum of those that are known, as a database does: None if none is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _totals(sums: Sequence[int | None]) -> Totals:
    if not sums:  # of no groups
        return Totals()
    # PostgreSQL makes decimals of sums
    numbers = [None if value is None else int(value) for value in sums]
    calls, inner, errors, sent, made, cached, reasoned, cost, without_cost, estimated, of_cost = numbers
    if cost is None and not without_cost:  # there are no rows, rather than none with a known cost
        cost = 0
    return Totals(
        calls=calls or 0,
        inner_calls=inner or 0,
        errors=errors or 0,
        input_tokens=sent or 0,
        output_tokens=made or 0,
        cached_tokens=cached or 0,
        reasoning_tokens=reasoned or 0,
        cost_nano_usd=cost,
        without_cost=without_cost or 0,
        estimated=estimated or 0,
        estimated_costs=of_cost or 0,
    )


def _name(value: int | str | None, by: Grouping) -> str | None:
    if value is None:
        return None
    if by == "day":
        return from_us(int(value) * _DAY_US).date().isoformat()
    return printable(str(value))
