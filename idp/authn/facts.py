"""What the decision of signing in depends on: what is asked, known and proven. Pure values.

Gathered by ``authn.login.evaluation`` for a login transaction, by ``authn.service`` for a session
and by ``authn.standing`` for an earlier sign-in; read by ``authn.steps`` alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from idp.authn.ports import Prepared
from idp.core.person import Person
from idp.core.vocabulary import (
    ACR_MULTI,
    ACR_PHISHING_RESISTANT,
    ACR_SINGLE,
    SECOND_FACTORS,
    Factor,
    LoginNeeded,
    amr_of,
)

_LONGEST_MAX_AGE = 10**9
_RECENT = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Proof:
    """A factor proven. ``kept_at``: when a password change let it stand in this one session.

    Of a passkey: ``verified`` if it checked its holder itself, ``synced`` if its key may be on
    several devices.
    """

    factor: Factor
    at: datetime
    kept_at: datetime | None = None
    verified: bool = False
    synced: bool = False

    @property
    def is_first_factor(self) -> bool:
        """Whether it says alone who is there: a password, or a passkey that knows its holder."""
        return self.factor is Factor.PASSWORD or self.verified


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation that is being taken up, and how far that is."""

    tenant_id: str
    tenant_name: str
    email: str
    given_name: str = ""
    family_name: str = ""
    stage: Literal["register", "verify-email", "join", "joined", "gone"] = "join"


@dataclass(frozen=True, slots=True)
class SigningUp:
    """An account being made without an invitation, and how far that is.

    ``still_local``: the names of companies that know the address, now confirmed, and keep their
    products' own logins.
    """

    stage: Literal["register", "verify-email", "still-local"]
    given_name: str = ""
    family_name: str = ""
    still_local: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the decision depends on.

    ``email`` is the address typed and ``address`` whether it is known, as far as that may be told;
    ``passkey_known``: it has a passkey that needs no password. ``person`` is set once somebody is
    known to be behind it. ``chosen`` is the company picked in this transaction, ``kept`` the
    session's. ``bypassed`` are the memberships whose one-time bypass this session has
    used; ``may_bypass``: one may be used now, since the end of this transaction uses it up.
    ``began`` is when the login transaction did; None where none is under way. ``prepared`` are the
    companies that the person could join by having been handed over; known of confirmed addresses
    only. ``not_yet``: joining them was put off; ``agreed``: it was said yes to.
    """

    now: datetime
    needed: LoginNeeded
    email: str = ""
    address: Literal["", "known", "unknown"] = ""
    passkey_known: bool = False
    prefer_password: bool = False
    registering: bool = False
    signing_up: SigningUp | None = None
    person: Person | None = None
    proofs: tuple[Proof, ...] = ()
    chosen: str | None = None
    kept: str | None = None
    remembered_since: datetime | None = None
    postponed: bool = False
    lost: bool = False
    bypassed: frozenset[str] = frozenset()
    may_bypass: bool = False
    may_join: bool = False
    recovery_codes: tuple[str, ...] = ()
    invited: Invited | None = None
    available: frozenset[Factor] = SECOND_FACTORS
    began: datetime | None = None
    prepared: tuple[Prepared, ...] = ()
    not_yet: bool = False
    agreed: bool = False


@dataclass(frozen=True, slots=True)
class Proven:
    """The proofs that count: the latest moment of each factor.

    ``first_factor_at`` is the latest that says alone who is there, None while none does;
    ``recovered``: a recovery code was used, whether or not there is a factor it stands in for.
    """

    at: Mapping[Factor, datetime] = field(default_factory=dict)
    first_factor_at: datetime | None = None
    verified: bool = False
    synced: bool = False
    recovered: bool = False

    @property
    def acr(self) -> str:
        """The level reached: a key bound to our address, and who holds it, is the strongest."""
        if Factor.WEBAUTHN in self.at and (self.verified or Factor.PASSWORD in self.at):
            return ACR_PHISHING_RESISTANT
        return ACR_MULTI if len(self.at) > 1 else ACR_SINGLE

    @property
    def amr(self) -> tuple[str, ...]:
        """How, in the terms of RFC 8176."""
        return amr_of(self.at, verified=self.verified, synced=self.synced)


def proven_by(facts: Facts, person: Person) -> Proven:
    """The proofs that are fresh enough, not ended since, and of a factor still held."""
    earliest = earliest_proof(facts.needed, facts.now)
    ended = person.sessions_not_before
    latest: dict[Factor, datetime] = {}
    first: datetime | None = None
    verified = synced = recovered = False
    for proof in facts.proofs:
        if earliest is not None and proof.at < earliest:
            continue
        if ended is not None and (proof.kept_at or proof.at) < ended:
            continue
        recovered = recovered or proof.factor is Factor.RECOVERY_CODE
        held = person.enrolled if proof.factor is Factor.RECOVERY_CODE else {proof.factor}
        if proof.factor is not Factor.PASSWORD and not (held & person.enrolled):
            continue
        if proof.factor not in latest or latest[proof.factor] < proof.at:
            latest[proof.factor] = proof.at
        if proof.is_first_factor and (first is None or first < proof.at):
            first = proof.at
        verified = verified or proof.verified
        synced = synced or proof.synced
    return Proven(latest, first, verified, synced, recovered)


def proven_lately(facts: Facts, person: Person) -> Proven:
    """The same of what was proven in this login transaction or within minutes before it: setting
    up a factor takes that, or a session's stolen cookie would become a key of its own.
    """
    since = (facts.began or facts.now) - _RECENT
    lately = tuple(proof for proof in facts.proofs if proof.at >= since)
    return proven_by(replace(facts, proofs=lately), person)


def earliest_proof(needed: LoginNeeded, now: datetime) -> datetime | None:
    """Proofs older than this do not count; None: any age will do.

    ``auth_time`` is told in whole seconds, so ``max_age`` is measured against whole seconds too.
    """
    earliest = needed.not_before
    if needed.max_age is not None:
        start = now - timedelta(seconds=min(needed.max_age, _LONGEST_MAX_AGE))
        if start.microsecond:
            start = start.replace(microsecond=0) + timedelta(seconds=1)
        start = min(start, now)
        earliest = start if earliest is None else max(earliest, start)
    return earliest


def first_factor_time(proofs: tuple[Proof, ...]) -> datetime:
    """When it was last proven who is there: a session's ``auth_time``."""
    return max(proof.at for proof in proofs if proof.is_first_factor)


def load_proofs(plain: list[dict[str, Any]]) -> tuple[Proof, ...]:
    """Proofs from their JSON form."""
    return tuple(
        Proof(
            Factor(p["factor"]),
            datetime.fromisoformat(p["at"]),
            moment(p["kept_at"]),
            p.get("verified", False),
            p.get("synced", False),
        )
        for p in plain
    )


def moment(text: str | None) -> datetime | None:
    """A moment from its JSON form."""
    return datetime.fromisoformat(text) if text else None
