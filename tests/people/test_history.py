"""A person's own history: theirs only, newest first, page by page, in words that exist."""

import re
from pathlib import Path

import pytest

import idp
from idp.core.person import Person
from idp.people.log.history import PAGE, History
from idp.web.event_words import COMPANY, HISTORY
from tests.people.house import House, both_databases

NOT_SHOWN = COMPANY.keys()
"""Events about companies and clients, or that another event of the same moment tells already."""


def person(house: House, email: str = "anna@nord.example") -> Person:
    account = house.accounts.find_by_email(email) or house.account(email)
    found = house.persons.load(account.subject)
    assert found is not None
    return found


@pytest.fixture
def history(house: House) -> History:
    return History(house.directory)


def record(house: House, who: Person, event: str, **more: object) -> None:
    house.audit.record(
        event,
        category="sign-in",
        actor=str(more.pop("actor", who.subject)),
        subject=who.subject,
        ip="192.0.2.7",
        **more,  # type: ignore[arg-type]
    )


@both_databases
def test_pages_one_after_the_other(house: House) -> None:
    history, anna = History(house.directory), person(house)
    for number in range(PAGE * 2 + 5):
        if number % 3:  # so that several bear the same time
            house.clock.forward(seconds=1)
        record(house, anna, "sign_in.succeeded", detail={"number": number})
    seen: list[int] = []
    before, sizes = "", []
    while True:
        page = history.page(anna, ["sign_in.succeeded"], before)
        sizes.append(len(page.happenings))
        seen += [one.detail["number"] for one in page.happenings]
        before = page.older
        if not before:
            break
    assert sizes == [PAGE, PAGE, 5]
    assert sorted(seen) == list(range(PAGE * 2 + 5))
    times = [one.at for one in history.page(anna, ["sign_in.succeeded"]).happenings]
    assert times == sorted(times, reverse=True)


def test_only_ones_own_and_only_what_is_told(house: House, history: History) -> None:
    anna, mara = person(house), person(house, "mara@nord.example")
    record(house, mara, "sign_in.succeeded")
    house.clock.forward(seconds=1)
    record(house, anna, "sign_in.succeeded")
    record(house, anna, "tenant.changed")
    page = history.page(anna, HISTORY)
    assert [one.event for one in page.happenings] == ["sign_in.succeeded", "account.created"]


def test_who_did_it_and_where(house: House, history: History) -> None:
    nord = house.tenant()
    anna = person(house)
    house.clock.forward(seconds=1)
    record(house, anna, "mfa.reset", actor="f" * 32, tenant_id=nord.id)
    house.clock.forward(seconds=1)
    record(house, anna, "account.locked", actor="cli", outcome="failure")
    house.clock.forward(seconds=1)
    record(house, anna, "recovery_case.approved", actor="f" * 32, tenant_id=nord.id)
    case, locked, reset = history.page(anna, HISTORY).happenings[:3]
    assert (reset.by, reset.tenant_name) == ("admin", "Nord GmbH")
    assert (locked.by, locked.succeeded) == ("operator", False)
    assert case.by == "operator"


@pytest.mark.parametrize("before", ["x", "~", "2026-01-01~a", "2026-01-01T00:00:00+00:00~\x00"])
def test_a_cursor_that_is_none_is_the_first_page(
    house: House, history: History, before: str
) -> None:
    anna = person(house)
    assert len(history.page(anna, HISTORY, before).happenings) == 1


def test_every_event_is_either_told_or_kept_back_on_purpose() -> None:
    files = Path(idp.__file__).parent.rglob("*.py")
    source = "\n".join(file.read_text() for file in files if "web" not in file.parts)
    groups = {name.partition(".")[0] for name in {*HISTORY, *NOT_SHOWN}}
    found = set(re.findall(r'"([a-z_]+\.[a-z_]*[a-z])"', source))
    events = {name for name in found if name.partition(".")[0] in groups}
    columns = {"accounts.id", "import.csv"}
    assert events - columns - HISTORY.keys() - NOT_SHOWN == set()
