"""Payslips worked out from a salary. The rates are near enough to German ones to look right and
are no tax advice."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from clients.shared.people import Employee

CENT = Decimal("0.01")
MONTHS_SHOWN = 12
PAYDAY = 28
CAPITAL_BENEFIT = Decimal("40.00")
BONUS_MONTH = 11

SOCIAL = (
    ("Health insurance", Decimal("0.0855")),
    ("Pension insurance", Decimal("0.0930")),
    ("Unemployment insurance", Decimal("0.0130")),
    ("Care insurance", Decimal("0.0180")),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a payslip; deductions are negative."""

    label: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Payslip:
    """One month of one person."""

    month: date
    paid_on: date
    earnings: tuple[Line, ...]
    deductions: tuple[Line, ...]

    @property
    def key(self) -> str:
        return self.month.strftime("%Y-%m")

    @property
    def gross(self) -> Decimal:
        return sum((line.amount for line in self.earnings), Decimal(0))

    @property
    def deducted(self) -> Decimal:
        return sum((line.amount for line in self.deductions), Decimal(0))

    @property
    def net(self) -> Decimal:
        return self.gross + self.deducted


def payslips_of(employee: Employee, today: date) -> list[Payslip]:
    """The last months' payslips, latest first; none from before the person joined."""
    slips: list[Payslip] = []
    month = today.replace(day=1)
    if today.day < PAYDAY:
        month = _month_before(month)
    while len(slips) < MONTHS_SHOWN and month >= employee.joined.replace(day=1):
        slips.append(_payslip(employee, month))
        month = _month_before(month)
    return slips


def find_payslip(employee: Employee, key: str, today: date) -> Payslip | None:
    """One of the person's own payslips by its month, ``YYYY-MM``."""
    return next((slip for slip in payslips_of(employee, today) if slip.key == key), None)


def _payslip(employee: Employee, month: date) -> Payslip:
    earnings = [Line("Salary", employee.salary), Line("Capital-forming benefit", CAPITAL_BENEFIT)]
    if month.month == BONUS_MONTH:
        earnings.append(Line("Annual bonus", _cents(employee.salary / 2)))
    gross = sum((line.amount for line in earnings), Decimal(0))
    tax = _income_tax(gross)
    solidarity = _cents(max(Decimal(0), tax - 1500) * Decimal("0.055"))
    deductions = [Line("Income tax", -tax)]
    if solidarity:
        deductions.append(Line("Solidarity surcharge", -solidarity))
    deductions += [Line(label, -_cents(gross * rate)) for label, rate in SOCIAL]
    deductions.append(Line("Paid into the savings contract", -CAPITAL_BENEFIT))
    return Payslip(month, month.replace(day=PAYDAY), tuple(earnings), tuple(deductions))


def _income_tax(gross: Decimal) -> Decimal:
    """A rising share above a free amount."""
    taxable = max(Decimal(0), gross - 1350)
    return _cents(taxable * (Decimal("0.17") + min(taxable, Decimal(6000)) / 60000))


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def _month_before(month: date) -> date:
    return (month - timedelta(1)).replace(day=1)
