"""An import as a page shows it, whichever console the page belongs to."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from flask import Response, request
from werkzeug.datastructures import MultiDict

from idp.people.actors import Actor
from idp.people.imports.columns import FIELDS, TRUSTED_FIELDS
from idp.people.imports.models import ImportJob
from idp.people.imports.options import Options, given_by_default, options_of
from idp.people.imports.report import LineRow, count_lines, list_lines
from idp.tenants.catalogue import PERMISSIONS, PRODUCTS, product_name
from idp.tenants.models import Tenant
from idp.web.contexts.imports import (
    Choice,
    ImportColumn,
    ImportLineRow,
    ImportReason,
    ImportRow,
    ImportView,
)
from idp.web.http import services
from idp.web.typed import typed_form

PAGE_SIZE = 25
_SHOWS = ("ready", "refused", "collision", "applied", "kept")


@dataclass(frozen=True)
class Desk:
    """Where imports are worked on. ``base`` is the address of the list; ``page`` draws a view."""

    actor: Actor
    tenant: Tenant
    base: str
    back_url: str
    locale: str
    page: Callable[..., Response]

    @property
    def trusted(self) -> bool:
        """Whether files may bring password hashes."""
        return self.actor.is_operator


def view_of(desk: Desk, job: ImportJob) -> ImportView:
    """One file as its page shows it."""
    options, counts = options_of(job), count_lines(job)
    address = f"{desk.base}/{job.id}"
    show = request.args.get("show", "")
    if show not in _SHOWS:
        show = "collision" if counts.collision else "refused" if counts.refused else "ready"
        if job.status in ("running", "paused", "done") and not counts.collision:
            show = "applied"
        if job.status == "undone":
            show = "kept"
    code = request.args.get("code") if show == "refused" else None
    code = code if code in dict(counts.codes) else None
    after = request.args.get("after", "")
    begin = int(after) if after.isascii() and after.isdigit() and len(after) < 10 else 0
    rows = list_lines(job, (show,), code=code, after=begin, limit=PAGE_SIZE + 1)
    kept = {"show": show, **({"code": code} if code else {})}
    more = len(rows) > PAGE_SIZE
    view = ImportView(
        base=address,
        list_url=desk.base,
        row=row_of(job),
        tenant_name=desk.tenant.name,
        local=desk.tenant.accounts_mode == "local",
        counts=counts,
        percent=percent_of(job),
        stopped=options.stopped,
        encoding=options.encoding,
        delimiter=options.delimiter,
        may_change=services().imports.may_change(job, desk.actor),
        may_undo=job.status in ("running", "paused", "done")
        and counts.applied > 0
        and services().imports.may_undo(job, desk.tenant),
        may_ask=job.trusted and any(map(services().legacy_logins.has, _booked(desk))),
        ask=options.ask,
        admins=options.admins,
        withheld=_withheld(desk, options),
        columns=columns_of(job),
        fields=tuple(f for f in FIELDS if job.trusted or f not in TRUSTED_FIELDS),
        product=product_name(options.product),
        came_from=choices_of(desk, [options.product] if options.product else []),
        opened=choices_of(desk, _booked(desk) if options.products is None else options.products),
        role=options.role,
        locale=options.locale,
        show=show,
        lines=tuple(_line(row) for row in rows[:PAGE_SIZE]),
        reasons=tuple(
            ImportReason(
                code=key,
                count=number,
                url=f"{address}?{urlencode({'show': 'refused', 'code': key})}#lines",
                current=key == code,
            )
            for key, number in counts.codes
        ),
        next_url=f"{address}?{urlencode({**kept, 'after': rows[PAGE_SIZE - 1].line})}#lines"
        if more
        else "",
        first_url=f"{address}?{urlencode(kept)}#lines" if begin else "",
    )
    form = typed_form()
    return _as_typed(view, desk, form) if form.get("action") == "options" else view


def _as_typed(view: ImportView, desk: Desk, form: MultiDict[str, str]) -> ImportView:
    """With the options as they were filled in, not as they are kept."""
    return replace(
        view,
        columns=tuple(
            replace(column, field=form.get(f"column_{place}", ""))
            for place, column in enumerate(view.columns)
        ),
        came_from=choices_of(desk, [form.get("product", "")]),
        opened=choices_of(desk, form.getlist("products")),
        role=form.get("role", view.role),
        locale=form.get("locale", view.locale),
        ask="ask" in form,
    )


def _booked(desk: Desk) -> list[str]:
    return list(services().tenants.products_of(desk.tenant.id))


def choices_of(desk: Desk, chosen: Iterable[str]) -> tuple[Choice, ...]:
    """The booked products, these of them ticked."""
    booked, ticked = _booked(desk), set(chosen)
    return tuple(
        Choice(key=p.key, label=p.label, checked=p.key in ticked)
        for p in PRODUCTS
        if p.key in booked
    )


def _withheld(desk: Desk, options: Options) -> tuple[str, ...]:
    """What a line that names nothing would not get if who looks applied it."""
    kept = given_by_default(desk.tenant.id, options, desk.actor).withheld
    return tuple(permission.label for permission in PERMISSIONS if permission.key in kept)


def columns_of(job: ImportJob) -> tuple[ImportColumn, ...]:
    """What each column of the file is taken for."""
    options = options_of(job)
    names = list(options.header)
    return tuple(
        ImportColumn(name=names[place] if place < len(names) else "", field=field or "")
        for place, field in enumerate(options.columns)
    )


def row_of(job: ImportJob) -> ImportRow:
    """One file in the list."""
    return ImportRow(
        id=job.id,
        file_name=job.file_name,
        status=job.status,
        total=job.total,
        ready=job.ready,
        refused=job.refused,
        applied=job.applied,
        created_by=job.created_by,
        created_at=job.created_at,
        trusted=job.trusted,
    )


def _line(row: LineRow) -> ImportLineRow:
    clash = next((p for p in row.problems if p["code"] == "collision"), {})
    return ImportLineRow(
        line=row.line,
        name=row.name,
        email=row.email,
        role=row.role,
        products=tuple(map(product_name, row.products)),
        action=row.action,
        outcome=row.outcome,
        problems=tuple(
            (p["code"], p.get("line", 0) if p["code"] == "duplicate-line" else 0)
            for p in row.problems
        ),
        other_name=row.other_name,
        other_product=product_name(clash.get("product")),
    )


def percent_of(job: ImportJob) -> int:
    """How much of what is under way is done."""
    if job.status in ("preview", "done", "undone"):
        return 100
    if job.status in ("staging", "checking"):
        done_so_far, whole = job.ready + job.refused, job.total
    elif job.status == "undoing":
        done_so_far, whole = job.total - job.applied, job.total
    else:
        done_so_far, whole = job.applied, job.applied + job.ready
    return min(100, 100 * done_so_far // whole) if whole else 100
