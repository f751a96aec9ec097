"""Payroll's pages. Amounts are shown only after a sign-in confirmed for them: the rule stands in
the manifest, ``guarded(step_up=True)`` enforces it."""

from flask import Blueprint, Flask, abort, render_template
from flask.typing import ResponseReturnValue

from clients.payroll.records import find_payslip, payslips_of
from clients.payroll.words import GERMAN
from clients.shared.config import ProductConfig
from clients.shared.context import Look, Tab, current_language
from clients.shared.factory import Clock, create_product, system_clock
from clients.shared.identity import Identity
from clients.shared.people import employee_of, staff_of
from clients.shared.signon import guarded

LOOK = Look(
    name="payroll",
    title="Payroll",
    tabs=(
        Tab("payroll.payslips", "Payslips", "payroll.payslip.read", ("payroll.payslip",)),
        Tab("payroll.run", "Payroll run", "payroll.run.read"),
    ),
    words=GERMAN,
)


def create_app(config: ProductConfig, *, now: Clock = system_clock) -> Flask:
    """The payroll product."""
    return create_product(LOOK, _views(), config, now=now)


def _views() -> Blueprint:
    views = Blueprint("payroll", __name__)
    views.add_url_rule("/", "payslips", payslips)
    views.add_url_rule("/payslips/<month>", "payslip", payslip)
    views.add_url_rule("/run", "run", run)
    return views


@guarded(permission="payroll.payslip.read")
def payslips(identity: Identity) -> ResponseReturnValue:
    """Which payslips there are; no amounts."""
    today = current_language().today()
    employee = employee_of(identity)
    return render_template(
        "payroll/payslips.html", employee=employee, payslips=payslips_of(employee, today)
    )


@guarded(permission="payroll.payslip.read", step_up=True)
def payslip(identity: Identity, month: str) -> ResponseReturnValue:
    """One payslip of the person's own."""
    employee = employee_of(identity)
    slip = find_payslip(employee, month, current_language().today())
    if slip is None:
        abort(404)
    return render_template("payroll/payslip.html", employee=employee, slip=slip)


@guarded(permission="payroll.run.read", step_up=True)
def run(identity: Identity) -> ResponseReturnValue:
    """The company's latest payroll run."""
    today = current_language().today()
    rows = [
        (employee, slips[0])
        for employee in staff_of(identity)
        if (slips := payslips_of(employee, today))
    ]
    return render_template("payroll/run.html", rows=rows)
