"""Listing instances in the order of their ids, each page by an index, however many instances there are.

Every condition that narrows has an index that is also in the order of ids, but the time of creation,
whose matches are sorted. Several statuses are one ordered search each, merged: a search for two of them
at once would have to sort everything that matches.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from sqlite3 import Connection

from funchost.durable.status import RuntimeStatus
from funchost.ids import InstanceId
from funchost.taskhub import Page, PageToken, Query
from funchost.taskhub.sqlite.reads import columns, instance_of

__all__ = ["list_instances", "page_sql"]

_Parameter = str | int


@dataclass(slots=True)
class _Search:
    """One ordered search. ``source`` names table and index, or has nothing to do with one."""

    source: str
    terms: list[str] = field(default_factory=list[str])
    parameters: list[_Parameter] = field(default_factory=list[_Parameter])

    def where(self, term: str, *parameters: _Parameter) -> None:
        self.terms.append(term)
        self.parameters.extend(parameters)


def list_instances(connection: Connection, query: Query, page: PageToken | None) -> Page:
    sql, parameters = page_sql(query, page)
    found = [instance_of(row) for row in connection.execute(sql, parameters).fetchall()]
    if query.top is None or len(found) <= query.top:
        return Page(found)
    found = found[: query.top]
    return Page(found, PageToken(found[-1].id))


def page_sql(query: Query, page: PageToken | None) -> tuple[str, list[_Parameter]]:
    """One more than a page holds is asked for: it tells whether there is another."""
    limit = -1 if query.top is None else query.top + 1
    searches = list(_searches(query))
    arms, parameters = list[str](), list[_Parameter]()
    for search in searches:
        _narrow(search, query, page)
        arm = f"SELECT i.key, i.id FROM {search.source} WHERE {' AND '.join(search.terms)} ORDER BY i.id LIMIT ?"
        arms.append(f"SELECT * FROM ({arm})")
        parameters += [*search.parameters, limit]
    sql = f"""
        SELECT {columns(payloads=query.payloads)}
        FROM ({" UNION ALL ".join(arms)} ORDER BY 2 LIMIT ?) AS found
        CROSS JOIN instance AS i ON i.key = found.key
        CROSS JOIN execution AS e ON e.key = i.execution
        ORDER BY i.id
    """
    return sql, [*parameters, limit]


def _searches(query: Query) -> Iterable[_Search]:
    """The narrowest way in: tag, then name, status, prefix, time of creation, and the ids themselves."""
    if query.tags:
        yield _by_tag(query)
    elif query.name is not None:
        for status in query.statuses or RuntimeStatus:
            search = _Search("instance AS i INDEXED BY instance_by_name")
            search.where("i.name = ? AND i.status = ?", query.name, status.value)
            yield search
    elif query.id_prefix:
        yield _filtered(_Search("instance AS i"), query)
    elif query.statuses:
        for status in query.statuses:
            search = _Search("instance AS i INDEXED BY instance_by_status")
            search.where("i.status = ?", status.value)
            yield search
    elif query.created_from is not None or query.created_to is not None:
        yield _Search("instance AS i INDEXED BY instance_by_created")
    else:
        yield _Search("instance AS i")


def _by_tag(query: Query) -> _Search:
    """All tags must match: the first leads, the others are looked up."""
    (name, value), *others = query.tags.items()
    search = _Search("tag AS t CROSS JOIN instance AS i ON i.key = t.instance")
    search.where("t.name = ? AND t.value = ?", name, value)
    for name, value in others:
        search.where(
            "EXISTS (SELECT 1 FROM tag AS o WHERE o.name = ? AND o.value = ? AND o.instance = i.key)", name, value
        )
    if query.name is not None:
        search.where("i.name = ?", query.name)
    return _filtered(search, query)


def _filtered(search: _Search, query: Query) -> _Search:
    if query.statuses:
        marks = ", ".join("?" for _ in query.statuses)
        search.where(f"i.status IN ({marks})", *(status.value for status in query.statuses))
    return search


def _narrow(search: _Search, query: Query, page: PageToken | None) -> None:
    search.where("i.id > ?", page or "")
    if query.id_prefix:
        search.where("i.id >= ?", query.id_prefix)
        if (after := after_prefix(query.id_prefix)) is not None:
            search.where("i.id < ?", after)
    if query.created_from is not None:
        search.where("i.created >= ?", query.created_from)
    if query.created_to is not None:
        search.where("i.created <= ?", query.created_to)
    if query.updated_from is not None:
        search.where("i.updated >= ?", query.updated_from)
    if query.updated_to is not None:
        search.where("i.updated <= ?", query.updated_to)
    if query.entities is not None:
        search.where("i.id >= '@' AND i.id < 'A'" if query.entities else "NOT (i.id >= '@' AND i.id < 'A')")


def after_prefix(prefix: str) -> InstanceId | None:
    """The first id, in the order of code points, after all that begin with ``prefix``; None: there is none."""
    for end in range(len(prefix) - 1, -1, -1):
        point = ord(prefix[end])
        if point < 0x10FFFF:
            # Surrogates are not text: the next code point after U+D7FF is U+E000.
            return InstanceId(prefix[:end] + chr(0xE000 if point == 0xD7FF else point + 1))
    return None
