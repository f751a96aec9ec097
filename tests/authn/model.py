"""What the login machine believes: who holds what, what was typed right, and what that is worth.

Written without looking at how the real thing decides. Where it cannot know better it believes too
much rather than too little, so it complains only of what is certainly wrong.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from idp.accounts.models import Account
from idp.core.person import Policy
from idp.core.vocabulary import ACR_LEVEL, AMR, SECOND_FACTORS, Authentication, Factor, LoginNeeded
from tests.authn.door import App
from tests.authn.facts import EMAIL, PASSWORD, RECOVERY, SMS, VOICE, WEBAUTHN
from tests.support.authenticator import Authenticator


@dataclass(frozen=True)
class Typed:
    """Something right that was typed or signed: whose, which factor, when."""

    email: str
    factor: Factor
    at: datetime
    verified: bool = False


@dataclass
class Pocket:
    """One person and all they sign in with. ``inbox``: every code ever sent to them, by factor."""

    email: str
    number: str
    password: str
    account: Account | None = None
    app: App | None = None
    keys: list[Authenticator] = field(default_factory=list)
    sent_to: set[Factor] = field(default_factory=set)
    codes: list[str] = field(default_factory=list)
    inbox: dict[str, list[str]] = field(default_factory=dict)
    ended_at: datetime | None = None

    @property
    def held(self) -> set[Factor]:
        """The second factors that are set up."""
        found = set(self.sent_to)
        if self.app is not None:
            found.add(Factor.TOTP)
        if self.keys:
            found.add(WEBAUTHN)
        return found

    def is_right(self, factor: Factor, code: str) -> bool:
        """Whether a code could be right for that factor now."""
        if factor is Factor.TOTP:
            return self.app is not None and code in {self.app.code(n) for n in (-1, 0, 1)}
        if factor is RECOVERY:
            return code in self.codes
        return code in self.inbox.get(factor, ())

    def kept(self, factor: Factor, number: bool = True) -> None:
        """A factor whose codes are sent was set up."""
        self.sent_to |= {EMAIL} if factor is EMAIL else {SMS, VOICE}

    def forget(self) -> None:
        """Everything but the password is gone."""
        self.app = None
        self.keys, self.codes = [], []
        self.sent_to = set()


@dataclass(frozen=True)
class Company:
    """What one company asks of a member: its policy, and what is known of the membership."""

    membership_id: str
    policy: Policy
    bound: bool
    deadline: datetime | None

    @property
    def counting(self) -> set[Factor]:
        only = {WEBAUTHN} if self.policy.phishing_resistant_only else SECOND_FACTORS
        return set(self.policy.factors) & only


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """A finished sign-in with all that the model knows around it."""

    found: Authentication
    pocket: Pocket
    typed: frozenset[Typed]
    needed: LoginNeeded
    now: datetime
    postponed: bool
    bypassed: frozenset[str]
    remembered: tuple[datetime, ...]
    entered: Company | None
    asking: tuple[Company, ...]

    def check(self) -> None:
        """Nothing is told or opened that what was typed does not cover."""
        own = self._own()
        factors = {typed.factor for typed in own}
        assert any(t.factor is PASSWORD or t.verified for t in own), "who is it?"
        level = level_of(own)
        reached = ACR_LEVEL[self.found.acr]
        assert reached <= level, f"acr {self.found.acr} for {factors}"
        told = {AMR[factor] for factor in factors} | ({"mfa"} if level > 1 else set())
        assert set(self.found.amr) <= told, f"amr {self.found.amr} for {factors}"
        least = self.needed.acr_level
        if self.entered is not None:
            least = max(least, self.entered.policy.minimum_for(self.needed.client_id))
        assert reached >= least, f"acr {self.found.acr} where {least} is asked"
        if least == 2 and reached == 2 and self.entered is not None:
            assert self.is_met(self.entered, factors)
        for company in self.asking:
            if company.bound and not self.is_met(company, factors):
                assert self._excused(company), f"{factors} under {company}"

    def _own(self) -> set[Typed]:
        """What was typed for this person and still counts: not ended, and of what is still held."""
        pocket = self.pocket
        held = pocket.held | {PASSWORD} | ({RECOVERY} if pocket.held else set())
        ended = pocket.ended_at
        return {
            t
            for t in self.typed
            if t.email == pocket.email and t.factor in held and (ended is None or t.at >= ended)
        }

    def is_met(self, company: Company, factors: set[Factor] | None = None) -> bool:
        """Whether the company's policy is met by proofs alone."""
        if factors is None:
            factors = {typed.factor for typed in self._own()}
        if factors & company.counting:
            return True
        stands_in = RECOVERY in factors and not company.policy.phishing_resistant_only
        return stands_in and bool(company.counting & self.pocket.held)

    def _excused(self, company: Company) -> bool:
        policy = company.policy
        if self.postponed and company.deadline is not None and self.now < company.deadline:
            return not company.counting & self.pocket.held
        if policy.phishing_resistant_only:
            return False
        if company.membership_id in self.bypassed:
            return True
        if not company.counting & self.pocket.held:
            return False
        # Only a device remembered for no longer than today's policy says, and since its change.
        oldest = self.now - timedelta(days=policy.remember_days)
        limits = (oldest, self.pocket.ended_at or oldest, policy.changed_at or oldest)
        return any(since > oldest and since >= max(limits) for since in self.remembered)


def level_of(own: Iterable[Typed]) -> int:
    """The strongest that these proofs together are worth."""
    factors = {typed.factor for typed in own}
    if WEBAUTHN in factors and (PASSWORD in factors or any(t.verified for t in own)):
        return 3
    return 2 if len(factors) > 1 else 1
