"""HR's pages: personnel file, own absences, and the team for those who may see it."""

from flask import Blueprint, Flask, render_template
from flask.typing import ResponseReturnValue

from clients.hr.records import absences_of, leave_account, stretches, working_days
from clients.hr.words import GERMAN
from clients.shared.config import ProductConfig
from clients.shared.context import Look, Tab, current_language
from clients.shared.factory import Clock, create_product, system_clock
from clients.shared.identity import Identity
from clients.shared.people import employee_of, staff_of
from clients.shared.signon import guarded

LOOK = Look(
    name="hr",
    title="HR",
    tabs=(
        Tab("hr.overview", "Overview"),
        Tab("hr.absences", "Absences", "hr.absence.request"),
        Tab("hr.team", "Team", "hr.team.read"),
    ),
    words=GERMAN,
)


def create_app(config: ProductConfig, *, now: Clock = system_clock) -> Flask:
    """The HR product."""
    return create_product(LOOK, _views(), config, now=now)


def _views() -> Blueprint:
    views = Blueprint("hr", __name__)
    views.add_url_rule("/", "overview", overview)
    views.add_url_rule("/absences", "absences", absences)
    views.add_url_rule("/team", "team", team)
    return views


@guarded()
def overview(identity: Identity) -> ResponseReturnValue:
    """The person's own file and leave account."""
    today = current_language().today()
    employee = employee_of(identity)
    absent = absences_of(employee, today)
    return render_template(
        "hr/overview.html",
        employee=employee,
        account=leave_account(absent, today),
        coming=[absence for absence in reversed(absent) if absence.last >= today],
    )


@guarded(permission="hr.absence.request")
def absences(identity: Identity) -> ResponseReturnValue:
    """The person's own absences."""
    today = current_language().today()
    found = absences_of(employee_of(identity), today)
    return render_template("hr/absences.html", absences=found, account=leave_account(found, today))


@guarded(permission="hr.team.read")
def team(identity: Identity) -> ResponseReturnValue:
    """Who is away in these two weeks, and what waits for a decision."""
    today = current_language().today()
    staff = [(employee, absences_of(employee, today)) for employee in staff_of(identity)]
    waiting = [
        absence
        for _, found in staff
        for absence in found
        if absence.status == "Requested" and absence.person != identity.name
    ]
    days = working_days(today)
    return render_template(
        "hr/team.html",
        rows=[(employee, stretches(found, days)) for employee, found in staff],
        days=days,
        today=today,
        waiting=waiting if identity.may("hr.absence.approve") else [],
    )
