"""A page of the list of clients: searched, filtered by whose they are, by name (keyset paging)."""

from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import ColumnElement, RowMapping, Select, func, or_, select, tuple_

from idp.clients.models import ClientRow
from idp.core.names import sort_form
from idp.infra.database import db
from idp.infra.folded import naming, sorting

Owner = Literal["all", "first-party", "company", "partner"]
OWNERS: tuple[Owner, ...] = ("all", "first-party", "company", "partner")
"""``partner``: registered for the whole platform, but not the vendor's own."""
LONGEST_SEARCH = 100

_ROW = ClientRow.__table__
BY_NAME = (sorting(_ROW.c.sort_name), _ROW.c.id)


def select_page(
    *,
    tenant_id: str | None = None,
    owner: Owner = "all",
    query: str = "",
    after: tuple[str, str] | None = None,
    limit: int = 50,
) -> list[RowMapping]:
    """Rows by name; ``after`` is (name, id) of the last one seen. ``query`` is looked for in name
    and client_id.
    """
    wanted = _filtered(select(_ROW), tenant_id, owner, query)
    if after is not None:
        wanted = wanted.where(tuple_(*BY_NAME) > (sort_form(after[0]), after[1]))
    wanted = wanted.order_by(*BY_NAME).limit(limit)
    return list(db.session.execute(wanted).mappings())


def count(*, tenant_id: str | None = None, owner: Owner = "all", query: str = "") -> int:
    """How many there are in all."""
    wanted = _filtered(select(func.count()).select_from(_ROW), tenant_id, owner, query)
    return db.session.scalar(wanted) or 0


def _filtered(wanted: Select[Any], tenant_id: str | None, owner: Owner, query: str) -> Select[Any]:
    if tenant_id is not None:
        wanted = wanted.where(_ROW.c.tenant_id == tenant_id)
    for condition in _OWNED_BY[owner]:
        wanted = wanted.where(condition)
    if text := query.strip()[:LONGEST_SEARCH].replace("\x00", ""):
        wanted = wanted.where(
            or_(
                naming(_ROW.c.search_text, text),
                _ROW.c.client_id.contains(text.lower(), autoescape=True),
            )
        )
    return wanted


_OWNED_BY: Mapping[Owner, tuple[ColumnElement[bool], ...]] = {
    "all": (),
    "first-party": (_ROW.c.first_party,),
    "company": (_ROW.c.tenant_id.is_not(None),),
    "partner": (_ROW.c.tenant_id.is_(None), ~_ROW.c.first_party),
}
