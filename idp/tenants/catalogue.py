"""What the vendor sells and what can be permitted within it.

The labels are message ids: templates translate them. Permissions reach products as token claims
by their ``key``, so a key never changes its meaning. Admins hold every permission of every booked
product. What begins with ``company.`` opens parts of the company console to helpers of the admin;
it stays inside and never reaches a product.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Product:
    """A first-party product a tenant can book."""

    key: str
    label: str


@dataclass(frozen=True, slots=True)
class Permission:
    """One entry of the catalogue; ``default`` ones are granted to every new member."""

    key: str
    product: str
    group: str
    label: str
    description: str
    default: bool = False


PRODUCTS: tuple[Product, ...] = (
    Product("hr", "HR"),
    Product("payroll", "Payroll"),
    Product("accounting", "Accounting"),
)

_MINE, _TEAM, _COMPANY = "My data", "Team", "Organisation"
CONSOLE = Product("company", "Company console")
"""Nothing that can be booked: every company has its console."""
_HELP = "Helping the admin"

MANAGE_PEOPLE = "company.people.manage"
READ_LOG = "company.log.read"
MANAGE_CLIENTS = "company.clients.manage"

PERMISSIONS: tuple[Permission, ...] = (
    Permission(
        "hr.profile.read",
        "hr",
        _MINE,
        "See my personnel file",
        "Master data, contract and documents of one's own.",
        default=True,
    ),
    Permission(
        "hr.profile.edit",
        "hr",
        _MINE,
        "Change my contact data",
        "Address, telephone number and emergency contact.",
        default=True,
    ),
    Permission(
        "hr.absence.request",
        "hr",
        _MINE,
        "Request leave",
        "Holidays, sick notes and other absences of one's own.",
        default=True,
    ),
    Permission(
        "hr.team.read",
        "hr",
        _TEAM,
        "See the team",
        "Names, roles and absences of one's own team.",
    ),
    Permission(
        "hr.absence.approve",
        "hr",
        _TEAM,
        "Approve leave",
        "Decide on the requests of one's own team.",
    ),
    Permission(
        "hr.people.read",
        "hr",
        _COMPANY,
        "See every personnel file",
        "Files of everybody in the company.",
    ),
    Permission(
        "hr.people.edit",
        "hr",
        _COMPANY,
        "Change personnel files",
        "Hire, change and terminate.",
    ),
    Permission(
        "payroll.payslip.read",
        "payroll",
        _MINE,
        "See my payslips",
        "Payslips and tax certificates of one's own.",
        default=True,
    ),
    Permission(
        "payroll.bank.edit",
        "payroll",
        _MINE,
        "Change my bank account",
        "The account one's salary is paid to.",
    ),
    Permission(
        "payroll.team.read",
        "payroll",
        _TEAM,
        "See the team's hours",
        "Hours and surcharges of one's own team, no salaries.",
    ),
    Permission(
        "payroll.run.read",
        "payroll",
        _COMPANY,
        "See payroll runs",
        "Every payslip and total of the company.",
    ),
    Permission(
        "payroll.run.release",
        "payroll",
        _COMPANY,
        "Release payroll runs",
        "Send a finished run to payment.",
    ),
    Permission(
        "accounting.expense.submit",
        "accounting",
        _MINE,
        "Submit expenses",
        "Receipts and travel of one's own.",
        default=True,
    ),
    Permission(
        "accounting.expense.approve",
        "accounting",
        _TEAM,
        "Approve expenses",
        "Decide on the expenses of one's own team.",
    ),
    Permission(
        "accounting.ledger.read",
        "accounting",
        _COMPANY,
        "See the books",
        "Journal, accounts and reports.",
    ),
    Permission(
        "accounting.ledger.post",
        "accounting",
        _COMPANY,
        "Post to the books",
        "Enter, correct and reverse postings.",
    ),
    Permission(
        "accounting.export",
        "accounting",
        _COMPANY,
        "Export for the tax adviser",
        "Journal and receipts as files.",
    ),
    Permission(
        MANAGE_PEOPLE,
        CONSOLE.key,
        _HELP,
        "Manage people",
        "Invite, lock and remove employees, and grant what one holds oneself.",
    ),
    Permission(
        READ_LOG,
        CONSOLE.key,
        _HELP,
        "Read the change log",
        "Who did what in the company, with export.",
    ),
    Permission(
        MANAGE_CLIENTS,
        CONSOLE.key,
        _HELP,
        "Manage client apps",
        "Register apps of the company and change their settings.",
    ),
)

PRODUCT_KEYS = frozenset(product.key for product in PRODUCTS)
PERMISSION_KEYS = frozenset(permission.key for permission in PERMISSIONS)
_ORDER = {permission.key: place for place, permission in enumerate(PERMISSIONS)}
_PRODUCT_OF = {permission.key: permission.product for permission in PERMISSIONS}


class UnknownCatalogueEntry(ValueError):
    """A product or permission that the catalogue does not have."""

    code = "permission-unknown"


def default_permissions() -> tuple[str, ...]:
    """What a new employee holds until an admin decides otherwise."""
    return tuple(permission.key for permission in PERMISSIONS if permission.default)


def check_permissions(keys: Iterable[str]) -> list[str]:
    """The keys once each in the catalogue's order; raises ``UnknownCatalogueEntry``."""
    wanted = set(keys)
    if unknown := wanted - PERMISSION_KEYS:
        raise UnknownCatalogueEntry(f"no such permission: {', '.join(sorted(unknown))}")
    return sorted(wanted, key=_ORDER.__getitem__)


def check_products(keys: Iterable[str]) -> list[str]:
    """The products once each in the catalogue's order; raises ``UnknownCatalogueEntry``."""
    wanted = set(keys)
    if unknown := wanted - PRODUCT_KEYS:
        raise UnknownCatalogueEntry(f"no such product: {', '.join(sorted(unknown))}")
    return [product.key for product in PRODUCTS if product.key in wanted]


def effective_permissions(
    role: str, granted: Collection[str], products: Collection[str]
) -> tuple[str, ...]:
    """What tokens carry: the granted permissions of the products open to the member.

    Admins hold all of them, whatever is stored.
    """
    return tuple(
        key
        for key, product in _PRODUCT_OF.items()
        if product in products and (role == "admin" or key in granted)
    )


def console_rights(role: str, granted: Collection[str]) -> frozenset[str]:
    """Which parts of the company console a member may use; admins all."""
    return frozenset(effective_permissions(role, granted, (CONSOLE.key,)))


def grouped_permissions(products: Collection[str]) -> list[tuple[Product, str, list[Permission]]]:
    """The catalogue of these products by product and group, as a form shows it."""
    groups: list[tuple[Product, str, list[Permission]]] = []
    for product in PRODUCTS:
        if product.key not in products:
            continue
        for group in (_MINE, _TEAM, _COMPANY):
            entries = [p for p in PERMISSIONS if p.product == product.key and p.group == group]
            groups.append((product, group, entries))
    groups.append((CONSOLE, _HELP, [p for p in PERMISSIONS if p.product == CONSOLE.key]))
    return groups


def product_name(key: str | None) -> str:
    """The product's label; empty for none and for an unknown one."""
    return next((product.label for product in PRODUCTS if product.key == key), "")
