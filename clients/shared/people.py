"""Who works at the demo companies, so that the three products tell one and the same story.

Everything else in their records is derived from these rows and from today's date. A company that
is not listed has nobody on file but the person who is signed in.
"""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from clients.shared.identity import Identity


@dataclass(frozen=True, slots=True)
class Employee:
    """One person on a company's books."""

    number: int
    name: str
    email: str
    position: str
    department: str
    manager: str
    joined: date
    weekly_hours: int
    salary: Decimal
    place: str


def _row(
    number: int,
    name: str,
    email: str,
    work: tuple[str, str, str],
    joined: date,
    weekly_hours: int,
    salary: str,
    place: str,
) -> Employee:
    position, department, manager = work
    return Employee(
        number,
        name,
        email,
        position,
        department,
        manager,
        joined,
        weekly_hours,
        Decimal(salary),
        place,
    )


NORD = (
    _row(
        1004,
        "Anna Albers",
        "anna.admin@nord.example",
        ("Head of administration", "Administration", "Katrin Behrens"),
        date(2017, 4, 1),
        40,
        "5420.00",
        "Kiel",
    ),
    _row(
        1031,
        "Erik Engel",
        "erik.employee@nord.example",
        ("Service technician", "Technical service", "Lena Brandt"),
        date(2021, 9, 1),
        38,
        "3680.00",
        "Kiel",
    ),
    _row(
        1038,
        "Mara Martens",
        "mara.multi@example.com",
        ("Energy consultant", "Technical service", "Lena Brandt"),
        date(2022, 2, 1),
        20,
        "2140.00",
        "Lübeck",
    ),
    _row(
        1012,
        "Lena Brandt",
        "lena.brandt@nord.example",
        ("Head of service", "Technical service", "Katrin Behrens"),
        date(2018, 10, 15),
        40,
        "4890.00",
        "Kiel",
    ),
    _row(
        1044,
        "Tarek Yildiz",
        "tarek.yildiz@nord.example",
        ("Service technician", "Technical service", "Lena Brandt"),
        date(2023, 6, 1),
        38,
        "3510.00",
        "Flensburg",
    ),
    _row(
        1047,
        "Sophie Hansen",
        "sophie.hansen@nord.example",
        ("Accountant", "Administration", "Anna Albers"),
        date(2024, 1, 8),
        30,
        "3020.00",
        "Kiel",
    ),
)

SUED = (
    _row(
        214,
        "Mara Martens",
        "mara.multi@example.com",
        ("Project lead", "Planning", "Franz Huber"),
        date(2023, 3, 1),
        20,
        "2480.00",
        "Augsburg",
    ),
    _row(
        102,
        "Franz Huber",
        "franz.huber@sued.example",
        ("Head of planning", "Planning", "Maria Gruber"),
        date(2012, 5, 1),
        40,
        "5960.00",
        "Augsburg",
    ),
    _row(
        187,
        "Lukas Bauer",
        "lukas.bauer@sued.example",
        ("Draughtsman", "Planning", "Franz Huber"),
        date(2020, 8, 17),
        40,
        "3440.00",
        "Ulm",
    ),
)

STAFF = {"012345678": NORD, "087654321": SUED}


def staff_of(identity: Identity) -> tuple[Employee, ...]:
    """Everybody at the person's company, themselves first."""
    listed = STAFF.get(identity.tenant or "", ())
    others = tuple(one for one in listed if one.email != identity.email)
    return (employee_of(identity), *others)


def employee_of(identity: Identity) -> Employee:
    """The person's own row, under the name they use at the provider."""
    for one in STAFF.get(identity.tenant or "", ()):
        if one.email == identity.email:
            return replace(one, name=identity.name)
    return _row(
        1,
        identity.name,
        identity.email,
        ("Employee", "Administration", "—"),
        date(2024, 1, 1),
        38,
        "3200.00",
        "—",
    )
