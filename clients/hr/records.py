"""Absences and leave accounts, laid around today so that the calendar always shows something."""

from dataclasses import dataclass
from datetime import date, timedelta

from clients.shared.people import Employee

ENTITLED_DAYS = 30


@dataclass(frozen=True, slots=True)
class Absence:
    """One stay away from work; ``kind`` and ``status`` are message ids."""

    person: str
    kind: str
    first: date
    last: date
    status: str

    @property
    def days(self) -> int:
        """Working days from first to last."""
        span = (self.last - self.first).days + 1
        return sum((self.first + timedelta(offset)).weekday() < 5 for offset in range(span))

    def covers(self, day: date) -> bool:
        return self.first <= day <= self.last and day.weekday() < 5


@dataclass(frozen=True, slots=True)
class LeaveAccount:
    """Days of leave in the current year."""

    entitled: int
    taken: int
    planned: int

    @property
    def left(self) -> int:
        return self.entitled - self.taken - self.planned


_PLANS = (
    # kind, first day and length relative to this week's Monday, status
    (("Leave", -98, 12, "Approved"), ("Sick", -41, 2, "Noted"), ("Leave", 21, 5, "Requested")),
    (("Leave", -70, 5, "Approved"), ("Training", 2, 2, "Approved"), ("Leave", 35, 5, "Requested")),
    (("Leave", -56, 10, "Approved"), ("Leave", 4, 5, "Approved")),
    (("Sick", -13, 3, "Noted"), ("Leave", 9, 3, "Requested")),
    (("Parental leave", -28, 60, "Approved"),),
    (("Leave", -84, 5, "Approved"), ("Business trip", 1, 2, "Approved")),
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some columns of the calendar that belong together: an absence, or one day at work."""

    days: tuple[date, ...]
    absence: Absence | None


def stretches(absences: list[Absence], days: list[date]) -> list[Stretch]:
    """One row of the calendar."""
    row: list[Stretch] = []
    for day in days:
        absence = next((one for one in absences if one.covers(day)), None)
        if absence is not None and row and row[-1].absence == absence:
            row[-1] = Stretch((*row[-1].days, day), absence)
        else:
            row.append(Stretch((day,), absence))
    return row


def monday_of(day: date) -> date:
    """The Monday of a day's week."""
    return day - timedelta(day.weekday())


def absences_of(employee: Employee, today: date) -> list[Absence]:
    """One person's absences, latest first."""
    monday = monday_of(today)
    plan = _PLANS[employee.number % len(_PLANS)]
    found = [
        Absence(employee.name, kind, monday + timedelta(start), _last(monday, start, days), status)
        for kind, start, days, status in plan
    ]
    return sorted(found, key=lambda absence: absence.first, reverse=True)


def _last(monday: date, start: int, working_days: int) -> date:
    """The day on which so many working days from the start are over."""
    day = monday + timedelta(start)
    left = working_days - (day.weekday() < 5)
    while left > 0:
        day += timedelta(1)
        left -= day.weekday() < 5
    return day


def leave_account(absences: list[Absence], today: date) -> LeaveAccount:
    """Taken and planned days of leave among the absences."""
    leave = [absence for absence in absences if absence.kind == "Leave"]
    taken = sum(absence.days for absence in leave if absence.last < today)
    return LeaveAccount(ENTITLED_DAYS, taken, sum(absence.days for absence in leave) - taken)


def working_days(today: date) -> list[date]:
    """The ten working days of this week and the next."""
    monday = monday_of(today)
    return [monday + timedelta(week * 7 + day) for week in range(2) for day in range(5)]
