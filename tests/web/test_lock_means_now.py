"""A lock, a removal and a locked account, against every way to use an account (T4).

{code, refresh token, access token at userinfo and introspection, session, silent sign-on, sign-in,
sign-in under way, application password} × {lock, removal, lock of the account}: refused at once.
And what ended stays ended, when the person is let in again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from idp.authn.factors.news import Where
from idp.infra.ephemeral import EphemeralStore
from idp.people.actors import Actor
from idp.settings import Settings
from idp.tenants.models import Tenant
from tests.people.house import ENVIRONMENT
from tests.support.forms import Browser, Page
from tests.web.matrix_lab import ISSUER, Client, Lab, Shown, Somebody, running_lab
from tests.web.matrix_rules import PASSWORD, TOTP

BOSS = Actor.command_line()
WITH_APP = Shown(PASSWORD, TOTP)


@pytest.fixture(scope="module")
def lab(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Any, redis_url: str
) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("locks")
    environment = {"IDP_DATA_DIR": str(folder / "var"), "IDP_KEYS_DIR": str(folder / "keys")}
    settings = Settings.from_env(ENVIRONMENT | environment)
    (settings.data_dir / "einlass.sqlite").write_bytes(empty_database.read_bytes())
    store = EphemeralStore(redis_url)
    store.trip([("FLUSHALL",)], repeatable=True)
    with running_lab(settings, store) as lab:
        yield lab
    store.close()


def lock(lab: Lab, person: Somebody) -> None:
    assert person.tenant is not None
    assert person.membership is not None
    lab.services.people.lock_member(person.tenant.id, BOSS, person.membership.id, "left")


def remove(lab: Lab, person: Somebody) -> None:
    assert person.tenant is not None
    assert person.membership is not None
    lab.services.people.remove_member(person.tenant.id, BOSS, person.membership.id, "left")


def lock_account(lab: Lab, person: Somebody) -> None:
    lab.services.people.lock_account(person.account_id, BOSS, "stolen")


def let_in_again(lab: Lab, person: Somebody, ended: Callable[..., None]) -> None:
    assert person.tenant is not None
    assert person.membership is not None
    if ended is lock:
        lab.services.people.unlock_member(person.tenant.id, BOSS, person.membership.id, "back")
    elif ended is remove:
        lab.services.tenants.memberships.add(person.tenant.id, person.account_id)
    else:
        lab.services.people.unlock_account(person.account_id, BOSS)


ENDINGS = [lock, remove, lock_account]


@dataclass
class Held:
    """What somebody has in hand when it ends."""

    lab: Lab
    client: Client
    person: Somebody
    browser: Browser
    tokens: dict[str, Any]
    code: str
    under_way: Page
    begun: Page
    app_password: str

    def userinfo(self) -> int:
        answer = self.browser.session.get(
            f"{ISSUER}/userinfo", headers={"Authorization": f"Bearer {self.tokens['access_token']}"}
        )
        return answer.status_code

    def introspect(self, token: str) -> bool:
        answer = self.browser.session.post(
            f"{ISSUER}/introspect",
            data={"token": token},
            auth=(self.client.client_id, self.client.secret),
        )
        assert answer.status_code == 200, answer.text
        return bool(answer.json()["active"])

    def redeem(self) -> int:
        answer = self.lab._token(
            self.client,
            grant_type="authorization_code",
            code=self.code,
            redirect_uri=self.client.redirect_uri,
            code_verifier="v" * 43,
        )
        return answer.status_code

    def silent(self) -> dict[str, str]:
        return self.browser.open(self.lab.address(self.client, prompt="none")).params

    def asked(self, shown: Shown = WITH_APP) -> Page:
        """A new sign-in in a browser of its own."""
        page = self.lab.browser().open(self.lab.address(self.client))
        return self.lab.walk(page, self.person, shown)


def signed_in(lab: Lab) -> Held:
    tenant = lab.company()
    lab.services.tenants.set_policy(tenant.id, mfa="everyone", remember_days=14)
    person = lab.somebody(tenant, [TOTP])
    client = lab.clients[1]
    browser = lab.browser()
    page = lab.walk(browser.open(lab.address(client)), person, WITH_APP)
    tokens = lab.tokens(client, page.params["code"])
    code = browser.open(lab.address(client)).params["code"]
    # One login stands at the second factor, one before the password.
    under_way = lab.walk(lab.browser().open(lab.address(client)), person, Shown(PASSWORD))
    assert under_way.step == "second-factor"
    begun = lab.browser().open(lab.address(client))
    begun = begun.form("username").fill("username", person.email).submit()
    known = lab.services.persons.load(person.subject)
    assert known is not None
    services = lab.services
    target = next(t for t in services.app_passwords.targets(known) if t.product == "hr")
    _, app_password = services.app_passwords.create(
        known, target.key, "calendar", None, Where("127.0.0.1")
    )
    held = Held(lab, client, person, browser, tokens, code, under_way, begun, app_password)
    assert held.introspect(app_password)
    assert held.userinfo() == 200
    assert held.introspect(tokens["access_token"])
    assert held.introspect(tokens["refresh_token"])
    assert "code" in held.silent()
    return held


def codes_left(page: Page) -> bool:
    """Whether a page is one that leads on with a code."""
    return page.left is not None and "code" in page.params


@pytest.mark.parametrize("end", ENDINGS, ids=lambda end: end.__name__)
def test_at_once(lab: Lab, end: Callable[[Lab, Somebody], None]) -> None:
    held = signed_in(lab)
    end(lab, held.person)
    held.person = replace(held.person, tenant=None)  # nothing to name where a company is asked for
    assert held.userinfo() == 401
    assert not held.introspect(held.tokens["access_token"])
    assert not held.introspect(held.tokens["refresh_token"])
    assert not held.introspect(held.app_password)
    assert lab.refresh(held.client, held.tokens["refresh_token"]).status_code == 400
    assert held.redeem() == 400
    assert "code" not in held.silent()
    account = held.browser.open(f"{ISSUER}/account")
    assert account.step != "account", "the session of that company is over"
    assert not codes_left(held.asked())
    assert not codes_left(lab.walk(held.under_way, held.person, WITH_APP))
    assert not codes_left(lab.walk(held.begun, held.person, WITH_APP))
    assert not lab.services.sessions.list(held.person.subject)


@pytest.mark.parametrize("end", ENDINGS, ids=lambda end: end.__name__)
def test_what_ended_stays_ended(lab: Lab, end: Callable[[Lab, Somebody], None]) -> None:
    held = signed_in(lab)
    lab.clock.forward(seconds=1)
    end(lab, held.person)
    lab.clock.forward(seconds=1)
    let_in_again(lab, held.person, end)
    assert held.userinfo() == 401
    assert not held.introspect(held.tokens["access_token"])
    assert not held.introspect(held.tokens["refresh_token"])
    assert not held.introspect(held.app_password)
    assert lab.refresh(held.client, held.tokens["refresh_token"]).status_code == 400
    assert held.redeem() == 400
    assert "code" not in held.silent()
    page = held.asked()
    assert codes_left(page), page
    tokens = lab.tokens(held.client, page.params["code"])
    assert lab.refresh(held.client, tokens["refresh_token"]).status_code == 200


def remembering(lab: Lab, person: Somebody, client: Client) -> Browser:
    """A browser that may skip the second factor from now on."""
    browser = lab.browser()
    shown = Shown(PASSWORD, TOTP, remembers=True)
    assert codes_left(lab.walk(browser.open(lab.address(client)), person, shown))
    return browser


def without_session(lab: Lab, browser: Browser, person: Somebody) -> None:
    for session in lab.services.sessions.list(person.subject):
        lab.services.sessions.end(session)


@pytest.mark.parametrize("end", ENDINGS, ids=lambda end: end.__name__)
def test_a_remembered_device_does_not_outlive_it(
    lab: Lab, end: Callable[[Lab, Somebody], None]
) -> None:
    tenant, client = lab.company(), lab.clients[1]
    lab.services.tenants.set_policy(tenant.id, mfa="everyone", remember_days=14)
    person = lab.somebody(tenant, [TOTP])
    browser = remembering(lab, person, client)
    without_session(lab, browser, person)
    page = lab.walk(browser.open(lab.address(client)), person, Shown(PASSWORD))
    assert codes_left(page), "the device is remembered"
    lab.clock.forward(seconds=1)
    end(lab, person)
    lab.clock.forward(seconds=1)
    let_in_again(lab, person, end)
    page = lab.walk(browser.open(lab.address(client)), person, Shown(PASSWORD))
    assert page.step == "second-factor"


def in_both(lab: Lab) -> tuple[Somebody, Tenant, Tenant]:
    """Somebody of two companies that both want a second factor."""
    here, there = lab.company(), lab.company()
    for tenant in (here, there):
        lab.services.tenants.set_policy(tenant.id, mfa="everyone", remember_days=14)
    person = lab.somebody(here, [TOTP])
    lab.services.tenants.memberships.add(there.id, person.account_id)
    return person, here, there


def enter(lab: Lab, browser: Browser, person: Somebody, tenant: Tenant, shown: Shown) -> Page:
    asked = lab.address(lab.clients[1], tenant=tenant.customer_number)
    return lab.walk(browser.open(asked), person, shown)


def test_the_other_company_keeps_session_and_device(lab: Lab) -> None:
    person, here, there = in_both(lab)
    browser, client = lab.browser(), lab.clients[1]
    shown = Shown(PASSWORD, TOTP, remembers=True)
    second = lab.tokens(client, enter(lab, browser, person, there, shown).params["code"])
    first = lab.tokens(client, enter(lab, browser, person, here, shown).params["code"])
    (session,) = lab.services.sessions.list(person.subject)
    assert session.tenant_id == there.id
    lab.clock.forward(seconds=1)
    lock(lab, person)
    # The one company is shut, the other one is not touched.
    assert lab.refresh(client, first["refresh_token"]).status_code == 400
    assert lab.refresh(client, second["refresh_token"]).status_code == 200
    silent = lab.address(client, prompt="none", tenant=here.customer_number)
    assert "code" not in browser.open(silent).params
    silent = lab.address(client, prompt="none", tenant=there.customer_number)
    assert "code" in browser.open(silent).params
    assert [one.sid for one in lab.services.sessions.list(person.subject)] == [session.sid]
    # Let in again, the session of the other company has proven nothing to this one.
    lab.clock.forward(seconds=1)
    let_in_again(lab, person, lock)
    page = enter(lab, browser, person, here, Shown(PASSWORD))
    assert page.step == "second-factor"
    page = lab.walk(page, person, WITH_APP)
    assert codes_left(page), page
    tokens = lab.tokens(client, page.params["code"])
    assert lab.refresh(client, tokens["refresh_token"]).status_code == 200
    headers = {"Authorization": f"Bearer {first['access_token']}"}
    assert browser.session.get(f"{ISSUER}/userinfo", headers=headers).status_code == 401
    # The device is still remembered by the other one.
    without_session(lab, browser, person)
    assert codes_left(enter(lab, browser, person, there, Shown(PASSWORD)))


def test_a_bypass_does_not_outlive_a_lock(lab: Lab) -> None:
    tenant = lab.company()
    lab.services.tenants.set_policy(tenant.id, mfa="everyone")
    person = lab.somebody(tenant, [TOTP])
    assert person.membership is not None
    until = lab.clock.now().replace(hour=23)
    lab.services.tenants.memberships.set_bypass(tenant.id, person.membership.id, until)
    lock(lab, person)
    let_in_again(lab, person, lock)
    page = lab.browser().open(lab.address(lab.clients[1]))
    assert lab.walk(page, person, Shown(PASSWORD)).step == "second-factor"
