"""The company's change log: read, exported, and how long it is kept (T6)."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

from flask import Response, abort, request

from idp.infra.audit_retention import LONGEST, SHORTEST
from idp.people.actors import Actor, NotAllowed
from idp.people.log.settings import RetentionInvalid
from idp.tenants.catalogue import MANAGE_PEOPLE, READ_LOG
from idp.web import contexts, log_page
from idp.web.admin import bp
from idp.web.admin.frame import done, frame_of, show
from idp.web.guards import administrator
from idp.web.http import check_form, see_other, services
from idp.web.typed import typed_form

_CHOICES = (90, 180, 365, 730, 1095, 3650)


@bp.get("/admin/<number>/log")
def log(number: str) -> Response:
    """The newest first, filtered."""
    admin = administrator(number, right=READ_LOG)
    found = log_page.asked(admin.who.person, admin.tenant_id)
    shown = log_page.view(
        found, admin.tenant_id, Actor.person(admin.who.person), f"{admin.base}/log"
    )
    if admin.may(MANAGE_PEOPLE):
        shown = replace(shown, people_url=f"{admin.base}/people")
    page = contexts.AdminLog(
        frame=frame_of(admin),
        notice=done(),
        errors=found.errors,
        log=shown,
        days=services().log_settings.retention_of(admin.tenant_id),
    )
    return show(admin, page, status=400 if found.errors else None)


@bp.post("/admin/<number>/log/export")
def export_log(number: str) -> Response:
    """The same records as a file."""
    check_form()
    admin = administrator(number, right=READ_LOG, back=f"/admin/{number}/log")
    person = admin.who.person
    found = log_page.asked(person, admin.tenant_id)
    name = f"log-{admin.membership.customer_number}"
    return log_page.export(found, person, admin.tenant_id, Actor.person(person), name)


@bp.get("/admin/<number>/log/retention")
def log_retention(number: str) -> Response:
    """How long the log is kept, and what another choice would mean."""
    admin = administrator(number)
    choice = _choice(typed_form() or request.args)
    settings = services().log_settings
    page = contexts.AdminLogRetention(
        frame=frame_of(admin),
        notice=done(),
        days=settings.retention_of(admin.tenant_id),
        choices=_CHOICES,
        choice=choice,
    )
    if not choice:
        return show(admin, page)
    try:
        days = _days(choice)
    except RetentionInvalid as error:
        return show(admin, replace(page, errors={"days": error.code}), status=400)
    return show(admin, replace(page, would_go=settings.would_go(admin.tenant_id, days)))


@bp.post("/admin/<number>/log/retention")
def change_log_retention(number: str) -> Response:
    """Save the choice."""
    check_form()
    choice = _choice(request.form)
    admin = administrator(number, fresh=True)
    if request.form.get("action") != "save":
        abort(400)
    try:
        services().log_settings.set_retention(
            admin.tenant_id, Actor.person(admin.who.person), _days(choice)
        )
    except RetentionInvalid:
        shown = choice if choice.isalnum() else "-"
        return see_other(f"{admin.base}/log/retention?days={quote(shown)}")
    except NotAllowed:
        abort(404)
    return see_other(f"{admin.base}/log?done=retention-saved")


def _choice(given: Mapping[str, str]) -> str:
    return given.get("days", "")[:10]


def _days(choice: str) -> int | None:
    if choice == "ever":
        return None
    days = int(choice) if choice.isascii() and choice.isdigit() else 0
    if not SHORTEST <= days <= LONGEST:
        raise RetentionInvalid
    return days
