"""One rule, every path: whichever way a token is asked for, it is never below what is demanded.

{password, passkey, TOTP, SMS, voice, e-mail code, recovery code, remembered device, password reset,
invitation, registration, bypass, refresh, silent sign-on} × {whom the policy binds, which factors
count, phishing-resistant only, grace, the client's, the company's and the request's minimum}. The
cases are generated: as many as it takes for every pair of values to occur together. Set
``EINLASS_MATRIX`` to 3 for every three values, to 5 for every case there is.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path as File
from typing import Any

import pytest

from idp.infra.ephemeral import EphemeralStore
from idp.settings import Settings
from tests.people.house import ENVIRONMENT
from tests.support.forms import Browser, Page
from tests.web.matrix_lab import Client, Lab, Shown, Somebody, claims_of, running_lab
from tests.web.matrix_rules import (
    ALL,
    EMAIL,
    FACTORS,
    MINIMUMS,
    PASSKEY,
    PASSWORD,
    RECOVERY,
    SMS,
    TOTP,
    VOICE,
    WHO,
    Means,
    Rule,
    below,
    covering,
    meets,
    rules,
)

LENIENT = Rule("admins", "employee", "all", "none", "none")
STRENGTH = int(os.environ.get("EINLASS_MATRIX", "2"))


@dataclass(frozen=True)
class Path:
    """A way to a token: what somebody has set up, and what they show."""

    name: str
    kind: str = "sign-in"
    first: str = PASSWORD
    second: str = ""
    has: tuple[str, ...] = ()

    @property
    def shown(self) -> Shown:
        return Shown(self.first, self.second)

    def means(self, **more: Any) -> Means:
        has = frozenset(self.has) & frozenset(ALL)
        return Means(has, frozenset({self.first, self.second}) - {""}, **more)


def _ways(kind: str) -> Iterator[Path]:
    """The kind, begun with each proof there is."""
    prefix = "" if kind == "sign-in" else f"{kind} after "
    yield Path(f"{prefix}password", kind)
    yield Path(f"{prefix}passkey", kind, PASSKEY, has=(PASSKEY,))
    for factor in (TOTP, SMS, VOICE, EMAIL):
        yield Path(f"{prefix}{factor}", kind, second=factor, has=(factor,))
    yield Path(f"{prefix}security key", kind, second=PASSKEY, has=(PASSKEY,))
    yield Path(f"{prefix}recovery code", kind, second=RECOVERY, has=(TOTP, PASSKEY, RECOVERY))


PATHS = {
    path.name: path
    for path in (
        *_ways("sign-in"),
        Path("stolen password", has=(TOTP, PASSKEY)),
        Path("everything", second=PASSKEY, has=(*ALL, RECOVERY)),
        Path("self-enabled, password alone", "self", has=(TOTP,)),
        Path("self-enabled", "self", second=TOTP, has=(TOTP,)),
        Path("password reset", "reset"),
        Path("password reset of the protected", "reset", has=(TOTP,)),
        Path("password reset, then TOTP", "reset", second=TOTP, has=(TOTP,)),
        Path("remembered device", "remembered", has=(TOTP,)),
        Path("device remembered under another policy", "remembered before", has=(TOTP,)),
        Path("bypass", "bypass", has=(TOTP,)),
        Path("invitation", "invitation"),
        Path("registration", "registration"),
        *_ways("refresh"),
        Path("refresh after password, though protected", "refresh", has=(TOTP, PASSKEY)),
        Path("refresh after putting it off", "put off"),
        Path("refresh after putting it off, protected since", "put off", has=(TOTP,)),
        *_ways("silent"),
        Path("silent after password, though protected", "silent", has=(TOTP, PASSKEY)),
    )
}


def _cases() -> dict[str, list[Rule]]:
    """For each path the rules to try it under."""
    values = [
        (name, (rule.mode, rule.who), rule.factors, rule.grace, rule.minimum)
        for name, path in PATHS.items()
        for rule in rules()
        if _fits(path, rule)
    ]
    found: dict[str, list[Rule]] = {name: [] for name in PATHS}
    for name, (mode, who), factors, grace, minimum in covering(values, STRENGTH):
        found[name].append(Rule(mode, who, factors, grace, minimum))
    return found


def _fits(path: Path, rule: Rule) -> bool:
    if path.kind == "invitation":
        return rule.who != "picked"
    if path.kind == "registration":
        return rule.who == "employee"
    if path.kind == "put off":
        return rule.binds and rule.grace != "none" and rule.lasting_level == 1
    if path.kind == "refresh":  # what a client registers is fixed before its first token
        return not rule.minimum.startswith("client")
    return True


CASES = _cases()


@pytest.fixture(scope="module")
def lab(
    redis_url: str, empty_database: File, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("matrix")
    environment = ENVIRONMENT | {
        "IDP_DATA_DIR": str(folder / "var"),
        "IDP_KEYS_DIR": str(folder / "keys"),
        "IDP_TRUSTED_PROXIES": "127.0.0.1/32",
        "IDP_LIMIT_PHONE_DAY": "1000000",
    }
    settings = Settings.from_env(environment)
    (settings.data_dir / "einlass.sqlite").write_bytes(empty_database.read_bytes())
    store = EphemeralStore(redis_url)
    store.trip([("FLUSHALL",)], repeatable=True)
    with running_lab(settings, store) as lab:
        yield lab
    store.close()


@pytest.mark.parametrize("name", PATHS)
def test_path(lab: Lab, name: str) -> None:
    path = PATHS[name]
    problems = []
    for rule in CASES[name]:
        found = KINDS[path.kind](lab, path, rule)
        problems += [f"{rule}: {problem}" for problem in found]
    assert not problems, f"{len(problems)} problems\n" + "\n".join(problems)


def test_the_cases_cover_what_they_say() -> None:
    """Every value of a rule meets every path that it can be tried on, and every other value."""
    for path in PATHS.values():
        possible = [rule for rule in rules() if _fits(path, rule)]
        for name in ("mode", "who", "factors", "grace", "minimum"):
            wanted = {getattr(rule, name) for rule in possible}
            assert {getattr(rule, name) for rule in CASES[path.name]} == wanted
    every = [rule for chosen in CASES.values() for rule in chosen]
    assert {(r.factors, r.minimum) for r in every} == set(itertools.product(FACTORS, MINIMUMS))
    assert {((r.mode, r.who), r.factors) for r in every} == set(itertools.product(WHO, FACTORS))


# -- the paths ---------------------------------------------------------------------------


def sign_in(lab: Lab, path: Path, rule: Rule) -> list[str]:
    person = lab.somebody(lab.company(), path.has)
    lab.apply(rule, person)
    lab.time_passes(rule)
    return through_the_door(lab, rule, person, path.shown, path.means())


def self_enabled(lab: Lab, path: Path, rule: Rule) -> list[str]:
    person = lab.somebody(lab.company(), path.has)
    lab.services.accounts.set_self_mfa(person.account_id, True)
    lab.apply(rule, person)
    lab.time_passes(rule)
    return through_the_door(lab, rule, person, path.shown, path.means(always=True))


def reset(lab: Lab, path: Path, rule: Rule) -> list[str]:
    """A new password by mailed link takes the place of the old one and of nothing else."""
    person = lab.somebody(lab.company(), path.has)
    lab.apply(rule, person)
    lab.time_passes(rule)
    browser = lab.browser()
    page = browser.open("/password/forgot")
    page.form("username").fill("username", person.email).submit()
    page = browser.open(lab.link(person.email))
    person.secret = "ein ganz neues Wort"
    done = page.form("new-password").fill("new-password", person.secret).submit()
    assert not done.alerts, done
    problems = lab.is_shut(browser, rule)
    return problems + through_the_door(lab, rule, person, path.shown, path.means(), browser)


def remembered(lab: Lab, path: Path, rule: Rule) -> list[str]:
    """The device is remembered under the very rule, where that has it."""
    person = lab.somebody(lab.company(), path.has)
    lab.apply(rule, person)
    lab.time_passes(rule)
    browser = _remembering(lab, rule, person)
    with_app = Means(frozenset({TOTP}), frozenset({PASSWORD, TOTP}))
    offered = rule.binds and TOTP in rule.counting and meets(rule, with_app, rule.level, waits=True)
    kept = browser.cookie("einlass_device") is not None
    problems = [] if kept == offered else [f"remembered: {kept}"]
    means = path.means(remembered=offered)
    return problems + through_the_door(lab, rule, person, path.shown, means, browser)


def remembered_before(lab: Lab, path: Path, rule: Rule) -> list[str]:
    """The policy has changed since, so the device is a stranger."""
    company = lab.company()
    person = lab.somebody(company, path.has)
    lab.services.tenants.set_policy(company.id, mfa="everyone", remember_days=13)
    browser = _remembering(lab, replace(LENIENT, mode="everyone"), person)
    assert browser.cookie("einlass_device")
    lab.clock.forward(seconds=1)
    lab.services.tenants.set_policy(company.id, remember_days=14)
    lab.apply(rule, person)
    lab.time_passes(rule)
    return through_the_door(lab, rule, person, path.shown, path.means(), browser)


def _remembering(lab: Lab, rule: Rule, person: Somebody) -> Browser:
    """A browser that has signed in with an app, ticked the box, and has no session any more."""
    browser = lab.browser()
    address = lab.address(lab.client_of(rule), rule)
    lab.walk(browser.open(address), person, Shown(second=TOTP, remembers=True))
    browser.session.cookies.pop("einlass_session", None)
    return browser


def bypass(lab: Lab, path: Path, rule: Rule) -> list[str]:
    """An admin lets the person in once without a second factor; and only once."""
    person = lab.somebody(lab.company(), path.has)
    lab.apply(rule, person)
    lab.time_passes(rule)
    assert person.tenant is not None
    assert person.membership is not None
    lab.services.tenants.memberships.set_bypass(
        person.tenant.id, person.membership.id, lab.clock.now() + timedelta(hours=24)
    )
    means = path.means(bypass=True)
    problems = through_the_door(lab, rule, person, path.shown, means, lasting=False)
    if meets(rule, means, rule.level, waits=True):
        problems += [
            f"the second time: {problem}"
            for problem in through_the_door(lab, rule, person, path.shown, path.means())
            if not (not rule.binds and "bypass" in problem)
        ]
    return problems


def invitation(lab: Lab, path: Path, rule: Rule) -> list[str]:
    tenant, person = lab.company(), lab.new()
    lab.set_policy(rule, tenant, [])
    link = lab.invite(tenant, person, rule.who)
    browser = lab.browser()
    page = lab.walk(browser.open(link), person, replace(path.shown, waits=False))
    assert page.step in ("enroll", "account", "invitation-done"), page
    problems = lab.is_shut(browser, rule) if page.step == "enroll" else []
    lab.time_passes(rule)
    return problems + through_the_door(lab, rule, person, path.shown, path.means())


def registration(lab: Lab, path: Path, rule: Rule) -> list[str]:
    """From nothing: an account, then the company by its number."""
    tenant, person = lab.company(), lab.new()
    person.tenant = tenant
    lab.set_policy(rule, tenant, [])
    if rule.grace != "over":
        return through_the_door(lab, rule, person, path.shown, path.means())
    # The time begins to run with the membership, so that comes first.
    lab.walk(lab.browser().open(lab.address(lab.clients[1])), person, path.shown)
    lab.time_passes(rule)
    return through_the_door(lab, rule, person, path.shown, path.means())


def refresh(lab: Lab, path: Path, rule: Rule) -> list[str]:
    """Tokens from before the rule: new ones only as the rule allows."""
    person, _, client, tokens = _before(lab, path, rule)
    lab.clock.forward(seconds=1)
    lab.apply(rule, person)
    lab.time_passes(rule)
    means = path.means()
    answer = lab.refresh(client, tokens["refresh_token"])
    expected = meets(rule, means, rule.lasting_level, waits=True)
    if (answer.status_code == 200) != expected:
        return [f"refresh gave {answer.status_code}, expected tokens: {expected}"]
    if not expected:
        assert answer.json()["error"] == "invalid_grant", answer.text
        return []
    given = answer.json()
    return below(means, rule.lasting_level, claims_of(given)) if "id_token" in given else []


def put_off(lab: Lab, path: Path, rule: Rule) -> list[str]:
    """Tokens of the grace period end with it, also where a factor was set up elsewhere since."""
    person = lab.somebody(lab.company())
    lab.apply(rule, person)
    client = lab.clients[1]
    page = lab.walk(lab.browser().open(lab.address(client)), person, path.shown)
    assert page.left is not None, page
    tokens = lab.tokens(client, page.params["code"])
    for factor in path.has:
        lab.set_up(person, factor)
    lab.time_passes(rule)
    answer = lab.refresh(client, tokens["refresh_token"])
    expected = rule.grace == "within" and not rule.counting & set(path.has)
    if (answer.status_code == 200) != expected:
        return [f"refresh gave {answer.status_code}, expected tokens: {expected}"]
    return []


def silent(lab: Lab, path: Path, rule: Rule) -> list[str]:
    """A session from before the rule: it opens no door that it would not have opened."""
    person, browser, _, _ = _before(lab, path, replace(rule, minimum="none"))
    lab.clock.forward(seconds=1)
    lab.apply(rule, person)
    lab.time_passes(rule)
    client = lab.client_of(rule)
    page = browser.open(lab.address(client, rule, prompt="none"))
    means = path.means()
    expected = rule.grace != "over" and meets(rule, means, rule.level, waits=False)
    if ("code" in page.params) != expected:
        return [f"prompt=none gave {page.params}, expected a code: {expected}"]
    if not expected:
        return []
    return below(means, rule.level, claims_of(lab.tokens(client, page.params["code"])))


def _before(lab: Lab, path: Path, rule: Rule) -> tuple[Somebody, Browser, Client, dict[str, Any]]:
    """Somebody signed in with what the path shows, while nothing was demanded of them."""
    person = lab.somebody(lab.company(), path.has)
    browser, client = lab.browser(), lab.client_of(rule)
    asked = LENIENT
    if path.second:  # else nobody would ask for it
        asked = replace(LENIENT, minimum="request phr" if path.second == PASSKEY else "request 2fa")
    page = lab.walk(browser.open(lab.address(client, asked)), person, path.shown)
    assert page.left is not None, page
    return person, browser, client, lab.tokens(client, page.params["code"])


KINDS: dict[str, Callable[[Lab, Path, Rule], list[str]]] = {
    "sign-in": sign_in,
    "self": self_enabled,
    "reset": reset,
    "remembered": remembered,
    "remembered before": remembered_before,
    "bypass": bypass,
    "invitation": invitation,
    "registration": registration,
    "refresh": refresh,
    "put off": put_off,
    "silent": silent,
}


# -- what is judged ----------------------------------------------------------------------


def through_the_door(
    lab: Lab,
    rule: Rule,
    person: Somebody,
    shown: Shown,
    means: Means,
    browser: Browser | None = None,
    *,
    lasting: bool = True,
) -> list[str]:
    """Sign in under the rule with these means; then, where one is forced, with one set up."""
    browser = browser or lab.browser()
    client = lab.client_of(rule)
    page = lab.walk(browser.open(lab.address(client, rule)), person, shown)
    expected = meets(rule, means, rule.level, waits=shown.waits)
    came = page.left is not None and "code" in page.params
    if came != expected:
        return [f"expected a code: {expected}, but {page!r}"]
    problems = [] if came else lab.is_shut(browser, rule)
    for _ in range(2):
        if page.step != "enroll":
            break
        page, factor = lab.enroll(page, person)
        means = replace(
            means, has=means.has | {factor}, shows=means.shows | {factor}, remembered=False
        )
        page = lab.walk(page, person, shown)
    if page.left is None:
        if page.step != "second-factor":
            problems.append(f"a dead end: {page!r}")
        return problems
    if not meets(rule, means, rule.level, waits=shown.waits):
        problems.append(f"let in with {sorted(means.shows)}")
    return problems + _tokens_of(lab, rule, client, browser, page, means, lasting)


def _tokens_of(
    lab: Lab,
    rule: Rule,
    client: Client,
    browser: Browser,
    page: Page,
    means: Means,
    lasting: bool,
) -> list[str]:
    """What is wrong with the tokens; the session and a refresh give no others."""
    tokens = lab.tokens(client, page.params["code"])
    claims = claims_of(tokens)
    problems = below(means, rule.level, claims)
    again = browser.open(lab.address(client, rule, prompt="none"))
    if "code" not in again.params:
        problems.append(f"the session just made does not do: {again.params}")
    else:
        same = claims_of(lab.tokens(client, again.params["code"]))
        if (same["acr"], same["amr"]) != (claims["acr"], claims["amr"]):
            problems.append(f"silently {same['acr']} {same['amr']}, before {claims['amr']}")
    if lasting and lab.refresh(client, tokens["refresh_token"]).status_code != 200:
        problems.append("the refresh token just made does not do")
    return problems
