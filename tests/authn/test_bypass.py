"""An admin's one-time bypass: for one sign-in, of one company, for what its policy alone asks."""

from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from idp.accounts.models import Account
from idp.authn.login.transaction import AlreadyFinished
from idp.authn.service import NotFinished
from idp.authn.step_kinds import Enroll, Finished, SecondFactor
from idp.core.vocabulary import ACR_MULTI, ACR_SINGLE
from idp.tenants.models import Tenant
from tests.authn.door import HR, IP, OWN_PAGE, Browser, Door
from tests.people.house import both_databases
from tests.support.at_once import THREADS, at_once

ERIK = "erik@nord.example"
STRONG = replace(HR, acr_level=2)


@pytest.fixture
def nord(door: Door) -> Tenant:
    tenant = door.house.tenant()
    door.house.tenants.set_products(tenant.id, ["hr"])
    door.house.tenants.set_policy(tenant.id, mfa="everyone")
    return tenant


@pytest.fixture
def erik(door: Door, nord: Tenant) -> Account:
    return door.house.member(nord, ERIK)[0]


def grant(door: Door, tenant: Tenant, account: Account, hours: int | None = 4) -> None:
    memberships = door.house.tenants.memberships
    found = memberships.find(tenant.id, account.id)
    assert found is not None
    until = door.house.clock.now() + timedelta(hours=hours) if hours else None
    memberships.set_bypass(tenant.id, found.id, until)


def password(door: Door, name: str = "browser", needed: object = HR) -> Browser:
    """A browser that has come as far as the password."""
    browser = door.browser(name)
    browser.begin(needed)  # type: ignore[arg-type]
    browser.password(ERIK)
    return browser


def used(door: Door, tenant: Tenant) -> int:
    return door.house.events(tenant.id).count("mfa.bypass_used")


@pytest.mark.parametrize("enrolled", [True, False])
def test_one_sign_in(door: Door, nord: Tenant, erik: Account, enrolled: bool) -> None:
    if enrolled:
        door.enroll(erik)
    grant(door, nord, erik)
    browser = password(door)
    done = browser.finish().authentication
    assert (done.acr, done.amr) == (ACR_SINGLE, ("pwd",))
    assert used(door, nord) == 1
    # Its session goes on, in its own browser,
    session = browser.session
    assert session is not None
    assert browser.authn.authentication_for(session, door.person(erik), HR) is not None
    assert isinstance(browser.begin(), Finished)
    browser.finish()
    assert used(door, nord) == 1
    # and another one is asked.
    other = password(door, "other")
    assert isinstance(other.due(), SecondFactor if enrolled else Enroll)
    with pytest.raises(NotFinished):
        other.finish()


def test_a_session_that_goes_on_by_it_notes_it(door: Door, nord: Tenant, erik: Account) -> None:
    door.house.tenants.set_policy(nord.id, mfa="admins")
    browser = password(door)
    browser.finish()
    door.house.tenants.set_policy(nord.id, mfa="everyone")
    grant(door, nord, erik)
    assert isinstance(browser.begin(), Finished)
    browser.finish()
    assert used(door, nord) == 1
    session = browser.session
    assert session is not None
    assert browser.authn.authentication_for(session, door.person(erik), HR) is not None


def test_who_signs_in_anew_in_the_same_browser_is_asked(
    door: Door, nord: Tenant, erik: Account
) -> None:
    grant(door, nord, erik)
    browser = password(door)
    browser.finish()
    assert browser.begin(replace(HR, select_account=True)).name == "identify"
    assert isinstance(browser.password(ERIK), Enroll)


def test_looking_at_the_end_uses_nothing_up(door: Door, nord: Tenant, erik: Account) -> None:
    grant(door, nord, erik)
    for number in range(3):
        assert isinstance(password(door, f"b{number}").due(), Finished)
    assert used(door, nord) == 0


def test_it_is_over_in_time_and_can_be_taken_back(door: Door, nord: Tenant, erik: Account) -> None:
    grant(door, nord, erik)
    browser = password(door)
    grant(door, nord, erik, None)
    with pytest.raises(NotFinished):
        browser.finish()
    grant(door, nord, erik)
    assert isinstance(browser.due(), Finished)
    door.house.clock.forward(hours=4)
    again = password(door, "again")
    assert isinstance(again.due(), Enroll)
    assert used(door, nord) == 0


def test_it_stays_where_it_was_not_needed(door: Door, nord: Tenant, erik: Account) -> None:
    app = door.enroll(erik)
    grant(door, nord, erik)
    key = door.enroll_passkey(erik)
    browser = door.browser()
    browser.begin()
    browser.use_passkey(key)
    browser.finish()
    second = password(door, "second", STRONG)
    second.post("second-factor", code=app.code())
    second.finish()
    assert used(door, nord) == 0


@pytest.mark.parametrize("enrolled", [True, False])
def test_it_meets_the_policy_only(door: Door, nord: Tenant, erik: Account, enrolled: bool) -> None:
    """Neither what a client asks for, nor its company's minimum, nor the person's own wish."""
    if enrolled:
        door.enroll(erik)
    grant(door, nord, erik)
    asks = SecondFactor if enrolled else Enroll
    assert isinstance(password(door, "request", STRONG).due(), asks)
    door.house.tenants.set_policy(nord.id, client_minimums={"hr": 2})
    assert isinstance(password(door, "minimum").due(), asks)
    door.house.tenants.set_policy(nord.id, client_minimums={})
    assert isinstance(password(door, "plain").due(), Finished)
    door.house.accounts.set_self_mfa(erik.id, True)
    door.house.persons.forget(erik.subject)
    assert isinstance(password(door, "wish").due(), asks)


def test_never_where_only_a_passkey_will_do(door: Door, nord: Tenant, erik: Account) -> None:
    grant(door, nord, erik)
    browser = password(door)
    door.house.tenants.set_policy(nord.id, phishing_resistant_only=True)
    with pytest.raises(NotFinished):
        browser.finish()
    assert isinstance(browser.due(), Enroll)
    # Nor does one that was used before the policy came to this.
    door.house.tenants.set_policy(nord.id, phishing_resistant_only=False)
    browser.finish()
    door.house.tenants.set_policy(nord.id, phishing_resistant_only=True)
    session = browser.session
    assert session is not None
    assert browser.authn.authentication_for(session, door.person(erik), HR) is None


def test_of_one_company_only(door: Door, nord: Tenant, erik: Account) -> None:
    sued = door.house.tenant("087654321", "Süd AG")
    door.house.tenants.set_products(sued.id, ["hr"])
    door.house.tenants.set_policy(sued.id, mfa="everyone")
    door.house.member(sued, ERIK)
    grant(door, nord, erik)
    browser = password(door)
    assert browser.due().name == "tenant"
    assert isinstance(browser.post("tenant", tenant=sued.customer_number).step, Enroll)
    # The account itself is behind both of them.
    assert isinstance(password(door, "own", OWN_PAGE).due(), Enroll)
    grant(door, sued, erik)
    own = password(door, "both", OWN_PAGE)
    assert own.post("tenant", tenant=nord.customer_number).step.name == "finished"
    own.finish()
    assert (used(door, nord), used(door, sued)) == (1, 1)


def test_who_has_used_it_still_proves_everything_to_change_the_account(
    door: Door, nord: Tenant, erik: Account
) -> None:
    app = door.enroll(erik)
    grant(door, nord, erik)
    browser = password(door, needed=OWN_PAGE)
    browser.finish()
    assert isinstance(browser.begin(replace(OWN_PAGE, max_age=300)), SecondFactor)
    assert isinstance(browser.post("second-factor", code=app.code()).step, Finished)
    assert browser.finish().authentication.acr == ACR_MULTI


def test_a_change_in_another_tab_does_not_waste_it(
    door: Door, nord: Tenant, erik: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its use and the end, the other tab turns back; the sign-in is none, it stays."""
    grant(door, nord, erik)
    browser = password(door)
    tx = browser.tx
    finishing = door.authn._finishing
    save = finishing._transactions.save

    def slow(changed: object) -> object:
        monkeypatch.setattr(finishing._transactions, "save", save)
        # What the other tab's "edit" would have stored meanwhile.
        assert save(replace(tx, state=tx.state, locale="en")) is not None
        return save(changed)  # type: ignore[arg-type]

    monkeypatch.setattr(finishing._transactions, "save", slow)
    browser.finish()
    assert used(door, nord) == 1


@both_databases
def test_one_login_ends_once_with_one_use(door: Door, nord: Tenant, erik: Account) -> None:
    grant(door, nord, erik)
    browser = password(door)
    tx, authn = browser.tx, door.authn
    outcomes = at_once(door.house.app, lambda: authn.finish(tx, ip=IP).authentication.acr)
    assert outcomes == {ACR_SINGLE: 1, AlreadyFinished.__name__: THREADS - 1}
    assert used(door, nord) == 1
    assert len(door.sessions.list(door.person(erik).subject)) == 1


@both_databases
def test_one_of_many_logins_ends_by_it(door: Door, nord: Tenant, erik: Account) -> None:
    grant(door, nord, erik)
    waiting = [password(door, f"b{number}").tx for number in range(THREADS)]
    numbers, authn = count(), door.authn
    outcomes = at_once(
        door.house.app, lambda: authn.finish(waiting[next(numbers)], ip=IP).authentication.acr
    )
    assert outcomes == {ACR_SINGLE: 1, NotFinished.__name__: THREADS - 1}
    assert used(door, nord) == 1
