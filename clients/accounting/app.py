"""Accounting's pages: everybody's own expenses; the books for those who may read them."""

from decimal import Decimal

from flask import Blueprint, Flask, render_template
from flask.typing import ResponseReturnValue

from clients.accounting.records import expenses_of, invoices_of, journal_of
from clients.accounting.words import GERMAN
from clients.shared.config import ProductConfig
from clients.shared.context import Look, Tab, current_language
from clients.shared.factory import Clock, create_product, system_clock
from clients.shared.identity import Identity
from clients.shared.people import employee_of
from clients.shared.signon import guarded

LOOK = Look(
    name="accounting",
    title="Accounting",
    tabs=(
        Tab("accounting.overview", "Overview"),
        Tab("accounting.invoices", "Invoices", "accounting.ledger.read"),
        Tab("accounting.journal", "Journal", "accounting.ledger.read"),
    ),
    words=GERMAN,
)


def create_app(config: ProductConfig, *, now: Clock = system_clock) -> Flask:
    """The accounting product."""
    return create_product(LOOK, _views(), config, now=now)


def _views() -> Blueprint:
    views = Blueprint("accounting", __name__)
    views.add_url_rule("/", "overview", overview)
    views.add_url_rule("/invoices", "invoices", invoices)
    views.add_url_rule("/journal", "journal", journal)
    return views


@guarded()
def overview(identity: Identity) -> ResponseReturnValue:
    """Own expenses, and how the company stands for those who may know."""
    today = current_language().today()
    due = [one for one in invoices_of(identity.tenant or "", today) if not one.paid]
    overdue = [one for one in due if one.status(today) == "Overdue"]
    expenses = expenses_of(employee_of(identity), today)
    return render_template(
        "accounting/overview.html",
        expenses=expenses if identity.may("accounting.expense.submit") else [],
        outstanding=sum((one.gross for one in due), Decimal(0)),
        overdue=sum((one.gross for one in overdue), Decimal(0)),
        to_refund=sum((one.amount for one in expenses if one.status != "Refunded"), Decimal(0)),
    )


@guarded(permission="accounting.ledger.read")
def invoices(identity: Identity) -> ResponseReturnValue:
    """The company's outgoing invoices with their totals."""
    today = current_language().today()
    found = invoices_of(identity.tenant or "", today)
    return render_template("accounting/invoices.html", invoices=found, today=today)


@guarded(permission="accounting.ledger.read")
def journal(identity: Identity) -> ResponseReturnValue:
    """The journal with debit and credit totals."""
    lines = journal_of(identity.tenant or "", current_language().today())
    return render_template(
        "accounting/journal.html",
        lines=lines,
        debit=sum((line.debit or Decimal(0) for line in lines), Decimal(0)),
        credit=sum((line.credit or Decimal(0) for line in lines), Decimal(0)),
    )
