"""The rules of the matrix, and what each of them allows: said once more, in other words than ours.

``verdict`` is the oracle. It knows what a person has and has shown, and what company and client
demand; it knows nothing of steps, pages or sessions.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

TOTP, PASSKEY, SMS, VOICE, EMAIL = "totp", "webauthn", "sms", "voice", "email"
RECOVERY, PASSWORD = "recovery_code", "password"
ALL = (TOTP, PASSKEY, SMS, VOICE, EMAIL)
LEVELS = {"urn:einlass:acr:1fa": 1, "urn:einlass:acr:2fa": 2, "phr": 3}
AMR = {"pwd": PASSWORD, "hwk": PASSKEY, "swk": PASSKEY, "sms": SMS, "tel": VOICE, "email": EMAIL}
"""What each amr value tells of; ``otp`` is an app's code or a recovery code."""

WHO = (
    ("admins", "employee"),
    ("admins", "admin"),
    ("selected", "employee"),
    ("selected", "picked"),
    ("everyone", "employee"),
)
FACTORS = ("all", "totp", "sent", "phishing-resistant")
GRACES = ("none", "within", "over")
MINIMUMS = (
    "none",
    "company 2fa",
    "company phr",
    "client 2fa",
    "client phr",
    "request 2fa",
    "request phr",
)


@dataclass(frozen=True)
class Rule:
    """What a company's policy and a client demand."""

    mode: str
    who: str
    factors: str
    grace: str
    minimum: str

    @property
    def binds(self) -> bool:
        return self.who in ("admin", "picked") or self.mode == "everyone"

    @property
    def counting(self) -> frozenset[str]:
        """The second factors that count for the company."""
        return {
            "all": frozenset(ALL),
            "totp": frozenset({TOTP}),
            "sent": frozenset({SMS, VOICE, EMAIL}),
            "phishing-resistant": frozenset({PASSKEY}),
        }[self.factors]

    @property
    def strict(self) -> bool:
        """Only a key bound to our address counts: no recovery code, no remembered device."""
        return self.factors == "phishing-resistant"

    @property
    def level(self) -> int:
        return {"none": 1, "2fa": 2, "phr": 3}[self.minimum.split()[-1]]

    @property
    def lasting_level(self) -> int:
        """The level that also holds for refresh tokens: a request's own is gone by then."""
        return 1 if self.minimum.startswith("request") else self.level

    def __str__(self) -> str:
        return f"{self.mode}/{self.who}, factors {self.factors}, grace {self.grace}, {self.minimum}"


@dataclass(frozen=True)
class Means:
    """What a person has and shows: the factors set up, and those given when asked."""

    has: frozenset[str]
    shows: frozenset[str]
    remembered: bool = False
    bypass: bool = False
    always: bool = False
    """They have decided to be asked for a second factor always."""

    @property
    def seconds(self) -> frozenset[str]:
        return self.shows - {PASSWORD}


def meets(rule: Rule, means: Means, level: int, *, waits: bool) -> bool:
    """Whether tokens may be issued. ``waits``: the person puts off what may be put off."""
    if level == 3 and PASSKEY not in means.shows:
        return False
    if means.always and not means.seconds:
        return False
    fitting = means.has & rule.counting
    stands_in = RECOVERY in means.shows and bool(fitting) and not rule.strict
    proven = bool(means.shows & rule.counting) or stands_in
    if level == 2 and not proven:
        return False
    if not rule.binds or proven:
        return True
    if means.remembered and fitting and not rule.strict:
        return True
    if means.bypass and not rule.strict:
        return True
    # Grace is for who has nothing that counts; who has another factor shows that first.
    may_wait = rule.grace == "within" and not fitting and (not means.has or bool(means.seconds))
    return waits and may_wait


def below(means: Means, level: int, claims: dict[str, Any]) -> list[str]:
    """What is wrong with the claims of a token that was issued."""
    acr, amr = LEVELS[claims["acr"]], set(claims["amr"])
    told = {AMR[value] for value in amr if value in AMR}
    keys, mfa = amr & {"hwk", "swk"}, "mfa" in amr
    problems = []
    if acr < level:
        problems.append(f"acr {acr} below {level}")
    # It may be told as less, where a request names the lesser level.
    if (acr == 3 and not keys) or (acr >= 2 and not mfa):
        problems.append(f"acr {acr} does not fit amr {sorted(amr)}")
    if not told <= means.shows or ("otp" in amr and not means.shows & {TOTP, RECOVERY}):
        problems.append(f"amr {sorted(amr)} tells of what was not shown")
    return problems


def rules() -> list[Rule]:
    """Every rule there is; grace only where somebody is bound."""
    found = []
    for (mode, who), factors, grace, minimum in itertools.product(WHO, FACTORS, GRACES, MINIMUMS):
        rule = Rule(mode, who, factors, grace, minimum)
        if rule.binds or grace == "none":
            found.append(rule)
    return found


Case = TypeVar("Case", bound=Sequence[Any])


def covering(cases: Iterable[Case], strength: int, seed: int = 41) -> Iterator[Case]:
    """So few of the cases that every combination of any ``strength`` of their values occurs."""
    waiting = list(cases)
    random.Random(seed).shuffle(waiting)
    seen: set[Any] = set()
    for case in waiting:
        parts = set(itertools.combinations(enumerate(case), strength))
        if not parts <= seen:
            seen |= parts
            yield case
