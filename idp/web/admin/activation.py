"""Central accounts in the console (A1-A6): what activating does, doing it, and how far it is."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from urllib.parse import urlencode

from flask import Response, request, stream_with_context

from idp.infra.csv_files import csv_lines
from idp.infra.i18n import LANGUAGE_NAMES, LOCALES, zone_of
from idp.infra.mail_templates import render_mail
from idp.people.activation import moving
from idp.people.activation.mail import context_of
from idp.people.actors import Actor
from idp.tenants.activation import LONGEST, USUAL_DAYS, AccountsState, ActivationRefused
from idp.web import contexts
from idp.web.admin import bp
from idp.web.admin.cursor import decode_by_name, encode_cursor
from idp.web.admin.frame import done, frame_of, show
from idp.web.admin.policy_pages import BAR_STEP, CHART_HEIGHT
from idp.web.guards import Administrator, administrator
from idp.web.http import check_form, see_other, services
from idp.web.typed import typed_form

_SHOWS: Mapping[str, moving.Show] = {"missing": "missing", "moved": "moved", "gone": "gone"}
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})|(\d{1,2})\.\s*(\d{1,2})\.\s*(\d{4})", re.ASCII)


@bp.get("/admin/<number>/activation")
def activation(number: str) -> Response:
    """What it would do, or how far it has come."""
    admin = administrator(number)
    return show(admin, _page(admin))


@bp.post("/admin/<number>/activation")
def change_activation(number: str) -> Response:
    """Activate, or put the cut-off off."""
    check_form()
    form = request.form
    when, typed = form.get("when", "date"), form.get("cutover_date", "")[:40]
    admin = administrator(number, fresh=True)
    actor, service = Actor.person(admin.who.person), services().activation
    confirmed = form.get("confirm_name", "")[:200]
    try:
        if form.get("action") == "postpone":
            service.postpone(admin.tenant_id, actor, _cutover(admin, typed))
            return see_other(f"{admin.base}/activation?done=cutover-postponed")
        cutover = None if when == "now" else _cutover(admin, typed)
        if confirmed.strip() != admin.membership.tenant_name.strip():
            raise ActivationRefused("confirm_name", "confirm-name-mismatch", "not the name")
        service.activate(admin.tenant_id, actor, cutover)
    except ActivationRefused as error:
        errors = {error.field: error.code}
        return show(admin, _page(admin, errors), status=400)
    return see_other(f"{admin.base}/activation?done=activated")


@bp.post("/admin/<number>/activation/reminders")
def remind_moving(number: str) -> Response:
    """Remind everybody who has not moved, or one of them."""
    check_form()
    admin = administrator(number, back=f"/admin/{number}/activation")
    person = request.form.get("person", "")[:64].replace("\x00", "") or None
    count = services().activation.remind(admin.tenant_id, Actor.person(admin.who.person), person)
    said = "reminded" if count else "reminded-before"
    return see_other(f"{admin.base}/activation?done={said}&reminded={count}#people")


@bp.get("/admin/<number>/activation/missing.csv")
def missing_file(number: str) -> Response:
    """Everybody who has not moved, for a spreadsheet."""
    admin = administrator(number)
    header = ("family_and_given_name", "email", "state", "mailed_at", "reminded_at")
    rows = (
        (one.name, one.email, one.where, one.sent_at, one.reminded_at)
        for one in moving.all_missing(admin.tenant_id)
    )
    response = Response(stream_with_context(csv_lines(header, rows)), mimetype="text/csv")
    name = f"not-moved-{admin.membership.customer_number}.csv"
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _page(admin: Administrator, errors: Mapping[str, str] | None = None) -> contexts.AdminPage:
    form = typed_form()
    when, typed = form.get("when", ""), form.get("cutover_date", "")[:40]
    accounts = services().activation.state(admin.tenant_id)
    if not accounts.is_local:
        return _progress(admin, accounts, typed, errors or {})
    prospect = services().activation.prospect(admin.tenant_id)
    usual = _today(admin) + timedelta(days=USUAL_DAYS)
    return contexts.Activation(
        frame=frame_of(admin),
        notice=done(),
        errors=errors or {},
        cutover=replace(
            _days(admin, _today(admin), typed or usual.isoformat()),
            when="now" if when == "now" else "date",
        ),
        kept=prospect.kept,
        existing=prospect.existing,
        new=prospect.new,
        members=prospect.members,
        confirm_name=form.get("confirm_name", "")[:200],
        mails=_mails(admin, _midnight(admin, usual)),
    )


def _progress(
    admin: Administrator, accounts: AccountsState, typed: str, errors: Mapping[str, str]
) -> contexts.MovingPage:
    found = services().activation.overview(admin.tenant_id)
    chosen = _SHOWS.get(request.args.get("show", ""), "missing")
    query = request.args.get("q", "")[:200].replace("\x00", "")
    after = decode_by_name(request.args.get("after"))
    page = moving.list_moving(admin.tenant_id, show=chosen, search=query, after=after)
    here = f"{admin.base}/activation"
    asked = {"show": chosen, "q": query}
    last = {**asked, "after": encode_cursor(page.next)} if page.next else None
    cutover = accounts.cutover_at
    if accounts.state == "moving" and cutover is not None:
        old = cutover.astimezone(_zone(admin)).date()
        later = _days(admin, old, typed or (old + timedelta(days=14)).isoformat())
    else:
        later = None
    counts = found.moving
    reminded = request.args.get("reminded", "")
    return contexts.MovingPage(
        frame=frame_of(admin),
        notice=done(),
        errors=errors,
        state="moving" if accounts.state == "moving" else "central",
        activated_at=accounts.activated_at,
        cutover_at=cutover,
        cutover=later,
        counts=counts,
        weeks=_bars(found.weeks, cutover),
        show=chosen,
        query=query,
        people=tuple(_row(admin, one) for one in page.rows),
        next_url=f"{here}?{urlencode(last)}#people" if last else "",
        first_url=f"{here}?{urlencode(asked)}#people" if after else "",
        reminded=int(reminded) if re.fullmatch("[0-9]{1,7}", reminded) else 0,
        mails=_mails(admin, cutover) if counts.total else (),
    )


def _row(admin: Administrator, one: moving.MovingPerson) -> contexts.MovingRow:
    belongs = one.membership_id is not None and one.where != "gone"
    return contexts.MovingRow(
        id=one.id,
        name=one.name,
        email=one.email,
        where=one.where,
        way=one.way,
        moved_at=one.moved_at,
        sent_at=one.sent_at,
        reminded_at=one.reminded_at,
        url=f"{admin.base}/people/{one.membership_id}" if belongs else "",
    )


def _bars(weeks: tuple[moving.Week, ...], cutover: datetime | None) -> tuple[contexts.Bar, ...]:
    """The chart of the policy's roll-out, with those who are late where the cut-off has passed."""
    highest = max((week.total for week in weeks), default=0)

    def height(count: int) -> int:
        return max(2, round(CHART_HEIGHT * count / highest)) if count else 0

    bars = []
    for position, week in enumerate(weeks):
        missing = week.total - week.moved
        late = missing if cutover is not None and cutover <= week.at else 0
        bars.append(
            contexts.Bar(
                at=week.at,
                x=position * BAR_STEP,
                set_up=week.moved,
                in_time=missing - late,
                overdue=late,
                set_up_height=height(week.moved),
                in_time_height=height(missing - late),
                overdue_height=height(late),
            )
        )
    return tuple(bars)


def _mails(admin: Administrator, cutover: datetime | None) -> tuple[contexts.MailPreview, ...]:
    """What people without an account are mailed, in every language."""
    tenant = services().tenants.get(admin.tenant_id)
    link = f"{services().settings.issuer}/invitation/…"
    context = context_of(tenant, "new", link, "", services().clock.now())
    now = services().clock.now()
    context["cutover"] = cutover.isoformat() if cutover is not None and now < cutover else ""
    found = []
    for lang in LOCALES:
        mail = render_mail("activation", lang, context)
        found.append(
            contexts.MailPreview(
                lang=lang, language=LANGUAGE_NAMES[lang], subject=mail.subject, text=mail.text
            )
        )
    return tuple(found)


def _cutover(admin: Administrator, typed: str) -> datetime:
    """The beginning of that day where the admin is."""
    chosen = _date_in(typed)
    if chosen is None:
        raise ActivationRefused("cutover_date", "cutover-invalid", "not a date")
    return _midnight(admin, chosen)


def _date_in(typed: str) -> date | None:
    """As a browser sends it, or as people write it; None for anything else."""
    found = _DATE.fullmatch(typed.strip()[:20])
    if found is None:
        return None
    numbers = [int(part) for part in found.groups() if part]
    year, month, day = numbers if found[1] else reversed(numbers)
    try:
        return date(year, month, day) if 2000 <= year <= 2999 else None
    except ValueError:
        return None


def _midnight(admin: Administrator, day: date) -> datetime:
    local = datetime(day.year, day.month, day.day, tzinfo=_zone(admin))
    return local.astimezone(UTC)


def _today(admin: Administrator) -> date:
    return services().clock.now().astimezone(_zone(admin)).date()


def _days(admin: Administrator, after: date, typed: str) -> contexts.CutoverForm:
    """What a calendar offers: the shortest notice is a whole day."""
    today = _today(admin)
    earliest = max(today + timedelta(days=2), after + timedelta(days=1))
    return contexts.CutoverForm(
        date=typed, earliest=earliest.isoformat(), latest=(today + LONGEST).isoformat()
    )


def _zone(admin: Administrator) -> tzinfo:
    return zone_of(str(admin.who.person.claims.get("zoneinfo") or ""))
