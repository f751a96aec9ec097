"""One pass through the hosted login, kept in Redis: its states, the moves allowed, its store.

        ┌──────────┐  no account yet   ┌──────────┐
        │ IDENTIFY │ ────────────────▶ │ REGISTER │ (an invitation begins here)
        └────┬──┬──┘                   └────┬─────┘
             ▼  │ passkey picked            │ address confirmed
      ┌──────────────┐                      │
      │ FIRST_FACTOR │                      │
      └──────┬───────┘                      │
             ├──────────────────────────────┘
             ▼
    SECOND_FACTOR ⇄ ENROLL ⇄ TENANT ──▶ FINISHED
       each may fall back to IDENTIFY (edit) or FIRST_FACTOR (proof ended)
       and, until it is finished, be ABANDONED

The state follows from ``authn.steps.decide``; a move outside the table is a mistake in the program
and raises. A transaction belongs to the browser that began it (its cookie's digest), lives thirty
minutes, and is written by compare-and-set only, so that two tabs cannot undo one another's steps.
Secrets in it (a TOTP key being set up, codes to show, an invitation) are sealed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

import orjson

from idp.authn.facts import Proof, load_proofs, moment
from idp.authn.step_kinds import (
    Activate,
    ChooseTenant,
    Enroll,
    Finished,
    Identify,
    InvitationGone,
    Join,
    Locked,
    LostFactor,
    NoAllowedFactor,
    NoCompany,
    NotBooked,
    Passkey,
    Password,
    Postponed,
    RecoveryCodes,
    SecondFactor,
    Step,
    Waiting,
)
from idp.core.clock import Clock
from idp.core.randomness import digest, same
from idp.core.vocabulary import Factor, LoginNeeded
from idp.infra.ephemeral import EphemeralStore


class TransactionNotFound(LookupError):
    """No such transaction: never begun, expired, or closed."""


class WrongBrowser(LookupError):
    """The transaction was begun in another browser."""


class AlreadyFinished(TransactionNotFound):
    """It has led to a session already; ``tx`` says where it went from there."""

    def __init__(self, tx: "LoginTransaction") -> None:
        super().__init__(tx.id)
        self.tx = tx


class InvalidTransition(RuntimeError):
    """A move that the table does not allow."""


class State(StrEnum):
    """Where a transaction stands; shown as one or more pages each."""

    IDENTIFY = "identify"
    REGISTER = "register"
    FIRST_FACTOR = "first-factor"
    SECOND_FACTOR = "second-factor"
    ENROLL = "enroll"
    TENANT = "tenant"
    FINISHED = "finished"
    ABANDONED = "abandoned"


_PROVEN = frozenset({State.SECOND_FACTOR, State.ENROLL, State.TENANT, State.FINISHED})
_BACK = frozenset({State.IDENTIFY, State.FIRST_FACTOR, State.ABANDONED})
MOVES: Mapping[State, frozenset[State]] = {
    State.IDENTIFY: frozenset({State.REGISTER}) | _PROVEN | _BACK,
    State.REGISTER: _PROVEN | _BACK,
    State.FIRST_FACTOR: _PROVEN | _BACK,
    State.SECOND_FACTOR: _PROVEN | _BACK,
    State.ENROLL: _PROVEN | _BACK,
    State.TENANT: _PROVEN | _BACK,
    State.FINISHED: frozenset(),
    State.ABANDONED: frozenset(),
}
"""From each state, where to; staying is always allowed short of the two ends."""

_STATE_OF: Mapping[type[Any], State] = {
    Identify: State.IDENTIFY,
    Passkey: State.FIRST_FACTOR,
    Password: State.FIRST_FACTOR,
    Locked: State.TENANT,
    SecondFactor: State.SECOND_FACTOR,
    LostFactor: State.SECOND_FACTOR,
    Enroll: State.ENROLL,
    NoAllowedFactor: State.ENROLL,
    RecoveryCodes: State.ENROLL,
    ChooseTenant: State.TENANT,
    Join: State.TENANT,
    Activate: State.TENANT,
    Postponed: State.TENANT,
    InvitationGone: State.TENANT,
    Waiting: State.TENANT,
    NotBooked: State.TENANT,
    NoCompany: State.TENANT,
    Finished: State.TENANT,
}


def state_of(step: Step) -> State:
    """The state a step belongs to. ``Finished`` is still ``TENANT``: only finishing ends it."""
    return _STATE_OF.get(type(step), State.REGISTER)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginTransaction:
    """What one sign-in knows so far. ``proofs`` are those made in it; the session it was begun from
    (``base_sid`` of ``base_subject``) keeps its own, and they count while it lives (``continued``).

    ``choosing``: the company is to be picked anew, whatever the session's is. ``round`` changes
    whenever another person may be behind it, so that what a slower tab proves for the one before
    is not counted. ``address`` is whether the e-mail is known, as far as that may be told, and
    ``passkey_known`` whether it has a passkey; ``registration`` what is typed for a new account.
    ``selected`` and ``listing`` say how the second factor is asked for, ``enrolling`` and
    ``enroll_to`` (sealed) which one is being set up, ``lost`` that the person has none of them,
    ``not_yet`` that they do not want to be moved to central accounts now, ``agreed`` that they do.
    """

    id: str
    state: State
    browser: str
    created_at: datetime
    destination: Mapping[str, Any]
    needed: LoginNeeded
    locale: str
    client: Mapping[str, Any] = field(default_factory=dict)
    email: str = ""
    address: Literal["", "known", "unknown"] = ""
    passkey_known: bool = False
    prefer_password: bool = False
    registering: bool = False
    registration: Mapping[str, Any] | None = None
    subject: str | None = None
    round: int = 0
    proofs: tuple[Proof, ...] = ()
    base_subject: str | None = None
    base_sid: str | None = None
    continued: bool = False
    choosing: bool = False
    tenant_id: str | None = None
    devices: tuple[str, ...] = ()
    selected: Factor | None = None
    listing: bool = False
    lost: bool = False
    enrolling: Factor | None = None
    enroll_to: str | None = None
    postponed: bool = False
    not_yet: bool = False
    agreed: bool = False
    remember_device: bool = False
    totp_secret: str | None = None
    recovery_codes: str | None = None
    invitation: Mapping[str, Any] | None = None
    sid: str | None = None
    raw: bytes = field(default=b"", compare=False, repr=False)


def advance(tx: LoginTransaction, state: State) -> LoginTransaction:
    """The transaction in its next state; raises ``InvalidTransition``."""
    stays = state is tx.state and MOVES[tx.state]
    if not stays and state not in MOVES[tx.state]:
        raise InvalidTransition(f"{tx.state} → {state}")
    return tx if stays else replace(tx, state=state)


_STORED = tuple(f.name for f in fields(LoginTransaction) if f.name != "raw")
Change = Callable[[LoginTransaction], LoginTransaction]


class TransactionStore:
    """Keeps transactions; every write is a compare-and-set on what was read."""

    def __init__(self, store: EphemeralStore, clock: Clock, lifetime: int) -> None:
        self._store = store
        self._clock = clock
        self._lifetime = lifetime

    def add(self, tx: LoginTransaction) -> LoginTransaction:
        """Keep a new transaction."""
        raw = dump(tx)
        self._store.put(_key(tx.id), raw, self._ttl(tx), only_new=True)
        return replace(tx, raw=raw)

    def load(self, tx_id: str, browser: str) -> LoginTransaction:
        """The transaction, for the browser that began it.

        Raises ``TransactionNotFound`` and ``WrongBrowser``.
        """
        tx = self._get(tx_id)
        if not same(tx.browser, digest(browser)):
            raise WrongBrowser(tx_id)
        return tx

    def reload(self, tx: LoginTransaction) -> LoginTransaction:
        """The same transaction as it stands now."""
        return self._get(tx.id)

    def save(self, tx: LoginTransaction) -> LoginTransaction | None:
        """Write it over what was read; None when somebody else has written in between."""
        raw = dump(tx)
        if raw == tx.raw:
            return tx
        ttl = self._ttl(tx)
        if ttl <= 0:
            raise TransactionNotFound(tx.id)
        if not self._store.replace(_key(tx.id), tx.raw, raw, ttl):
            return None
        return replace(tx, raw=raw)

    def take(self, tx: LoginTransaction) -> bool:
        """Remove it; True for exactly one caller."""
        return self._store.take(_key(tx.id)) is not None

    def _get(self, tx_id: str) -> LoginTransaction:
        raw = self._store.get(_key(tx_id)) if _is_id(tx_id) else None
        if raw is None:
            raise TransactionNotFound(tx_id)
        tx = load(raw)
        if self._ttl(tx) <= 0 or tx.state is State.ABANDONED:
            raise TransactionNotFound(tx_id)
        return tx

    def _ttl(self, tx: LoginTransaction) -> int:
        over = tx.created_at + timedelta(seconds=self._lifetime)
        return int((over - self._clock.now()).total_seconds())


def dump(tx: LoginTransaction) -> bytes:
    """As stored. Moments keep their microseconds: proofs are compared with one another."""
    return orjson.dumps({name: getattr(tx, name) for name in _STORED})


def load(raw: bytes) -> LoginTransaction:
    """The reverse of :func:`dump`."""
    plain = orjson.loads(raw)
    plain["state"] = State(plain["state"])
    plain["created_at"] = datetime.fromisoformat(plain["created_at"])
    plain["needed"] = load_needed(plain["needed"])
    plain["proofs"] = load_proofs(plain["proofs"])
    plain["devices"] = tuple(plain["devices"])
    for name in ("selected", "enrolling"):
        plain[name] = Factor(plain[name]) if plain.get(name) else None
    return LoginTransaction(**plain, raw=raw)


def load_needed(plain: dict[str, Any]) -> LoginNeeded:
    """``LoginNeeded`` from its JSON form."""
    for name in ("acr_values", "ui_locales"):
        plain[name] = tuple(plain[name])
    plain["not_before"] = moment(plain["not_before"])
    return LoginNeeded(**plain)


def _key(tx_id: str) -> str:
    return f"login:{tx_id}"


def _is_id(tx_id: str) -> bool:
    return len(tx_id) == 32 and tx_id.isascii() and tx_id.isalnum()
