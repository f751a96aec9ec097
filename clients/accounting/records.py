"""Invoices, journal and expenses, dated backwards from today; the journal always balances."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from clients.shared.people import Employee

TERM_DAYS = 14
TAX = Decimal("0.19")


@dataclass(frozen=True, slots=True)
class Invoice:
    """An outgoing invoice."""

    number: str
    customer: str
    subject: str
    issued: date
    net: Decimal
    paid: bool

    @property
    def due(self) -> date:
        return self.issued + timedelta(TERM_DAYS)

    @property
    def tax(self) -> Decimal:
        return (self.net * TAX).quantize(Decimal("0.01"))

    @property
    def gross(self) -> Decimal:
        return self.net + self.tax

    def status(self, today: date) -> str:
        """Paid, open or overdue, as a message id."""
        if self.paid:
            return "Paid"
        return "Overdue" if self.due < today else "Open"


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of the journal."""

    day: date
    document: str
    text: str
    account: str
    debit: Decimal | None
    credit: Decimal | None


@dataclass(frozen=True, slots=True)
class Expense:
    """What somebody laid out for the company."""

    day: date
    text: str
    amount: Decimal
    status: str


_SALES = {
    "012345678": (
        # customer, subject, days ago, net, paid
        ("Stadtwerke Eckernförde", "Maintenance of heat pumps", 3, "4860.00", False),
        ("Hotel am Noor", "Heating check", 9, "1240.50", False),
        ("Reederei Paulsen", "Repair of ventilation", 24, "2385.00", False),
        ("Gemeinde Altenholz", "Energy report for the school", 31, "3150.00", True),
        ("Bäckerei Thomsen", "Exchange of a compressor", 44, "6720.00", True),
        ("Förde Klinik", "Maintenance contract", 58, "9400.00", True),
    ),
}
_PURCHASES = {
    "012345678": (
        # text, account, days ago, net
        ("Office rent", "4210 Rent", 2, "2350.00"),
        ("Spare parts", "3400 Goods", 12, "1874.20"),
        ("Fuel", "4530 Vehicles", 17, "412.65"),
    ),
}
_EXPENSES = (
    # text, days ago, amount, status
    ("Train ticket to Hamburg", 4, "54.80", "Submitted"),
    ("Lunch with a customer", 11, "63.50", "Approved"),
    ("Safety shoes", 26, "119.00", "Refunded"),
    ("Parking", 33, "8.00", "Refunded"),
)


def invoices_of(tenant: str, today: date) -> list[Invoice]:
    """The company's invoices, latest first."""
    rows = _SALES.get(tenant, ())
    return [
        Invoice(
            f"R-{2400 + len(rows) - place:05d}",
            customer,
            subject,
            today - timedelta(days_ago),
            Decimal(net),
            paid,
        )
        for place, (customer, subject, days_ago, net, paid) in enumerate(rows)
    ]


def journal_of(tenant: str, today: date) -> list[Posting]:
    """Two or three lines for each document, latest first; debit equals credit in each."""
    lines = []
    for invoice in invoices_of(tenant, today):
        day, number = invoice.issued, invoice.number
        lines += [
            Posting(day, number, invoice.customer, "1400 Receivables", invoice.gross, None),
            Posting(day, number, invoice.customer, "8400 Sales", None, invoice.net),
            Posting(day, number, invoice.customer, "1776 Sales tax", None, invoice.tax),
        ]
    purchases = _PURCHASES.get(tenant, ())
    for place, (text, account, days_ago, net) in enumerate(purchases):
        day, number = today - timedelta(days_ago), f"E-{811 - place:05d}"
        tax = (Decimal(net) * TAX).quantize(Decimal("0.01"))
        lines += [
            Posting(day, number, text, account, Decimal(net), None),
            Posting(day, number, text, "1576 Input tax", tax, None),
            Posting(day, number, text, "1200 Bank", None, Decimal(net) + tax),
        ]
    return sorted(lines, key=lambda line: (line.day, line.document), reverse=True)


def expenses_of(employee: Employee, today: date) -> list[Expense]:
    """One person's own expenses, latest first."""
    shown = _EXPENSES[employee.number % 2 :]
    return [
        Expense(today - timedelta(days_ago), text, Decimal(amount), status)
        for text, days_ago, amount, status in shown
    ]
