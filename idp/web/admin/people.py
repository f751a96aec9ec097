"""People of a company: the list, as a page and as a file, and what is done to several at once."""

import re
from dataclasses import replace
from typing import cast

from flask import Response, abort, request, stream_with_context

from idp.infra.throttle import Throttled
from idp.people.actors import Actor, NotAllowed
from idp.people.members.bulk import ACTIONS, BulkAction, BulkRow
from idp.people.members.listing import MAX_PAGE, SORTS, MemberRow, PeopleFilter
from idp.people.members.open_invitations import count_invitations, list_invitations
from idp.tenants.catalogue import MANAGE_PEOPLE
from idp.web import contexts
from idp.web.admin import bp
from idp.web.admin.frame import done, frame_of, show
from idp.web.admin.invite import act_on_invitation, invitation_row
from idp.web.admin.people_view import SIZES, PeopleView
from idp.web.guards import Administrator, administrator, note_missing
from idp.web.http import check_form, guard, see_other, services
from idp.web.typed import typed_form

NEWEST = 5
"""Invitations that the list of people shows; the others have a page of their own."""
_DONE = {"lock": "people-locked", "unlock": "people-unlocked", "remind": "reminded"}
_ID = re.compile(r"[0-9a-f]{32}")


@bp.get("/admin/<number>/people")
def people(number: str) -> Response:
    """Who belongs to the company: searched, filtered, sorted, a page at a time."""
    admin, form = administrator(number, right=MANAGE_PEOPLE), typed_form()
    if "list" in form:  # those to be written into a file, before a sign-in
        return _people(admin, PeopleView.of_query(form["list"]))
    return _people(admin, PeopleView.of(request.args))


@bp.post("/admin/<number>/people")
def change_invitation(number: str) -> Response:
    """Send an invitation again, or take it back."""
    check_form()
    admin = administrator(number, right=MANAGE_PEOPLE)
    try:
        return see_other(f"{admin.base}/people?done={act_on_invitation(admin)}")
    except Throttled as error:
        return _people(admin, PeopleView(), throttled=error)


@bp.get("/admin/<number>/people.csv")
def export_people(number: str) -> Response:
    """The list as a file, with the filters and the order of its address."""
    admin = administrator(number, right=MANAGE_PEOPLE)
    view = PeopleView.of(request.args)
    return _csv(admin, view.chosen, view)


@bp.get("/admin/<number>/people/selected")
def selected_before(number: str) -> Response:
    """Those selected before a sign-in, and what would be done to them; else the list."""
    admin, form = administrator(number, right=MANAGE_PEOPLE), typed_form()
    view, action = PeopleView.of_query(form.get("list", "")), form.get("action", "")
    rows = _preview(admin, action, _selected_ids()[:MAX_PAGE]) if action in ACTIONS else ()
    if not rows:
        return see_other(view.url(admin.base))
    return show(admin, _selected(admin, view, rows))


@bp.post("/admin/<number>/people/selected")
def selected_people(number: str) -> Response:
    """Lock, unlock, remind or export those selected: first who that is, then the deed."""
    check_form()
    action = request.form.get("action", "")
    # A lock waits for nothing; giving access back does.
    admin = administrator(
        number,
        right=MANAGE_PEOPLE,
        fresh=action == "unlock",
        back=f"/admin/{number}/people" + ("/selected" if action in ACTIONS else ""),
    )
    view = PeopleView.of_query(request.form.get("list", ""))
    ids = _selected_ids()
    if action != "export" and action not in ACTIONS:
        abort(400)
    if not ids or len(ids) > MAX_PAGE:
        return _people(admin, view, error="too-many-selected" if ids else "nobody-selected")
    if action == "export":
        return _csv(admin, PeopleFilter(only=frozenset(ids)), view)
    reason = request.form.get("reason", "").strip()
    rows = _preview(admin, action, ids)
    if not rows:
        abort(404)
    if len(rows) < len(ids):
        note_missing(admin)
    if request.form.get("confirm") != "1" or all(row.refused for row in rows):
        return show(admin, _selected(admin, view, rows))
    if action != "remind" and not reason:
        errors = {"reason": "reason-required"}
        return show(admin, _selected(admin, view, rows, errors=errors), status=400)
    willing = [row.member.membership_id for row in rows if not row.refused]
    actor, chosen = Actor.person(admin.who.person), cast(BulkAction, action)
    try:
        outcome = services().bulk.carry_out(admin.tenant_id, actor, chosen, willing, reason)
    except NotAllowed:
        abort(404)
    refused = tuple(row for row in outcome if row.refused)
    if refused:
        return show(admin, _selected(admin, view, refused, tried=True), status=409)
    return see_other(view.url(admin.base, done=_DONE[action]))


def _preview(admin: Administrator, action: str, ids: list[str]) -> tuple[BulkRow, ...]:
    """Who of those selected would be touched, and who not."""
    actor, chosen = Actor.person(admin.who.person), cast(BulkAction, action)
    try:
        return services().bulk.preview(admin.tenant_id, actor, chosen, ids)
    except NotAllowed:
        abort(404)


def _selected_ids() -> list[str]:
    ids = [one for one in typed_form().getlist("person") if _ID.fullmatch(one)]
    return list(dict.fromkeys(ids))


def _people(
    admin: Administrator,
    view: PeopleView,
    *,
    throttled: Throttled | None = None,
    error: str = "",
) -> Response:
    everything = services()
    service, now = everything.people, everything.clock.now()
    listing = service.list_people(
        admin.tenant_id,
        chosen=view.chosen,
        order=view.order,
        after=view.after,
        limit=view.size,
    )
    invitations = count_invitations(admin.tenant_id, now)
    newest = list_invitations(admin.tenant_id, now, limit=NEWEST).rows
    errors = {"": "throttled"} if throttled else {"": error} if error else {}
    at_first = not view.is_filtered and view.after is None
    page = contexts.People(
        frame=frame_of(admin),
        notice=done(),
        errors=errors,
        error_values={"minutes": -(-throttled.retry_after // 60)} if throttled else {},
        people=tuple(person_row(member) for member in listing.rows),
        waiting=tuple(map(_waiting, service.list_waiting(admin.tenant_id))) if at_first else (),
        invitations=tuple(invitation_row(one, now) for one in newest) if at_first else (),
        invitation_count=invitations.valid + invitations.expired,
        expired_count=invitations.expired,
        unsent_count=invitations.unsent,
        query=view.chosen.search,
        only_status=view.chosen.status,
        only_role=view.chosen.role,
        only_factor=view.chosen.factor,
        sort=view.sort,
        size=view.size,
        filtered=view.is_filtered,
        sorts={by: _sort_link(admin, view, by) for by in SORTS},
        sizes=tuple((n, replace(view.first(), size=n).url(admin.base)) for n in SIZES),
        state=view.query(),
        selected=frozenset(_selected_ids()),
        total=service.count_people(admin.tenant_id, chosen=view.chosen),
        next_url=view.beyond(listing.next).url(admin.base) if listing.next else "",
        first_url=view.first().url(admin.base) if view.after else "",
        export_url=f"{admin.base}/people.csv?{view.first().query()}".rstrip("?"),
    )
    return show(admin, page, status=429 if throttled else 400 if error else None)


def _sort_link(admin: Administrator, view: PeopleView, by: str) -> contexts.SortLink:
    now = view.order.by == by
    return contexts.SortLink(
        url=view.sorted_by(by).url(admin.base),  # type: ignore[arg-type]
        sorted=("descending" if view.order.descending else "ascending") if now else "",
    )


def _selected(
    admin: Administrator,
    view: PeopleView,
    rows: tuple[BulkRow, ...],
    *,
    errors: dict[str, str] | None = None,
    tried: bool = False,
) -> contexts.SelectedPeople:
    sessions, action = services().sessions, cast(BulkAction, typed_form()["action"])

    def row_of(row: BulkRow) -> contexts.SelectedRow:
        member = row.member
        shown = contexts.SelectedRow(
            id=member.membership_id, name=member.name, email=member.email, refused=row.refused
        )
        if action != "lock" or row.refused:
            return shown
        here = [s for s in sessions.list(member.subject) if s.tenant_id == admin.tenant_id]
        return replace(shown, sessions=len(here))

    shown = [row_of(row) for row in rows]
    return contexts.SelectedPeople(
        frame=frame_of(admin),
        errors=errors or {},
        action=action,
        touched=tuple(row for row in shown if not row.refused),
        refused=tuple(row for row in shown if row.refused),
        sessions=sum(row.sessions for row in shown),
        reason=typed_form().get("reason", "")[:500],
        state=view.query(),
        back_url=view.url(admin.base),
        tried=tried,
    )


def _csv(admin: Administrator, chosen: PeopleFilter, view: PeopleView) -> Response:
    try:
        lines = services().people_export.csv(
            admin.tenant_id, Actor.person(admin.who.person), chosen, view.order
        )
    except NotAllowed:
        abort(404)
    name = f"{admin.membership.customer_number}-people.csv"
    response = Response(
        stream_with_context(line.encode() for line in lines), content_type="text/csv; charset=utf-8"
    )
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    guard().protect_api(response)
    return response


def person_row(member: MemberRow) -> contexts.PersonRow:
    """A member as the console shows them."""
    return contexts.PersonRow(
        id=member.membership_id,
        name=member.name,
        email=member.email,
        role=member.role,
        status="locked" if member.is_locked else member.status,
        second_factor=member.second_factor,
        must_have=member.must_have,
        factors=member.factors,
        deadline=member.mfa_deadline,
        last_sign_in=member.last_sign_in_at,
        helper=member.is_helper,
    )


def _waiting(row: MemberRow) -> contexts.WaitingRow:
    return contexts.WaitingRow(
        id=row.membership_id, name=row.name, email=row.email, since=row.created_at
    )
