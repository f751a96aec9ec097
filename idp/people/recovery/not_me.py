"""A sign-in from a device not seen before: the person is told, and can end all of it (S8).

The mail carries a link that works once, for a week; Redis keeps its token's digest only. Opening it
shows what it would do; posting it undoes the sign-in and whatever it may have left behind.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from idp.accounts.models import Account
from idp.accounts.recovery import RecoveryLinks
from idp.accounts.service import AccountService
from idp.authn.factors.forgetting import forget_factors
from idp.core.clock import Clock
from idp.core.person import Person
from idp.core.randomness import Randomness, digest
from idp.core.user_agents import device_name
from idp.infra.audit import Audit
from idp.infra.database import after_commit, transaction
from idp.infra.ephemeral import EphemeralStore
from idp.infra.outbox import Outbox
from idp.people.recovery.cases import Cases
from idp.people.snapshot import PersonDirectory
from idp.settings import Settings

LIFETIME = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class NoticedSignIn:
    """What a link is about. ``since``: when that sign-in began."""

    account_id: str
    sid: str
    at: datetime
    since: datetime
    ip: str
    device: str


class SignInNotices:
    """Mails about sign-ins from new devices, and takes the answer "that was not me"."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        randomness: Randomness,
        store: EphemeralStore,
        outbox: Outbox,
        audit: Audit,
        accounts: AccountService,
        links: RecoveryLinks,
        persons: PersonDirectory,
        cases: Cases,
    ) -> None:
        self._issuer = settings.issuer
        self._clock = clock
        self._randomness = randomness
        self._store = store
        self._outbox = outbox
        self._audit = audit
        self._accounts = accounts
        self._links = links
        self._persons = persons
        self._cases = cases
        self.on_disowned: list[Callable[[str, str], object]] = []
        """Called with account id and subject: sessions, tokens and devices must end."""

    def noticed(
        self,
        person: Person,
        *,
        sid: str,
        ip: str,
        user_agent: str,
        at: datetime,
        since: datetime,
    ) -> None:
        """Queue the mail, in the caller's unit of work if it has one.

        ``since``: when the sign-in began; a factor set up in its course is one of its traces.
        """
        account = self._accounts.get(person.account_id)
        token = self._randomness.token()
        device = device_name(user_agent)
        notice = NoticedSignIn(account.id, sid, at, since, ip, device)
        self._store.put(_key(token), orjson.dumps(notice), int(LIFETIME.total_seconds()))
        context = {
            "given_name": account.given_name or "",
            "device": device,
            "at": at.isoformat(),
            "zone": account.zoneinfo or "",
            "ip": ip,
            "days": LIFETIME.days,
            "link": f"{self._issuer}/not-me/{token}",
        }
        with transaction():
            self._outbox.mail(account.email, "new-sign-in", account.locale, context)

    def find(self, token: str) -> tuple[NoticedSignIn, Account] | None:
        """What the link is about and whose it is; None once it was used or is too old."""
        notice = _read(self._store.get(_key(token)))
        return (notice, self._accounts.get(notice.account_id)) if notice else None

    def disown(self, token: str, *, ip: str) -> str | None:
        """It was not the person: end everything, once. A token to set a new password with.

        Sessions, tokens and remembered devices end, the password dies, and so do the factors set
        up since that sign-in began; those from before stand. None for a link that is over.
        """
        notice = _read(self._store.take(_key(token)))
        if notice is None:
            return None
        now = self._clock.now()
        try:
            with transaction():
                account = self._accounts.get(notice.account_id)
                gone = forget_factors(account.id, since=notice.since)
                account.password_hash = None
                account.password_changed_at = account.sessions_not_before = now
                self._cases.cancel_of(account.id, ip=ip)
                self._record(account, notice, gone, ip)
                for hook in self.on_disowned:
                    hook(account.id, account.subject)
                context = {
                    "given_name": account.given_name or "",
                    "link": f"{self._issuer}/password/forgot",
                    "removed": any(kind not in _UNNAMED for kind in gone),
                    "ip": ip,
                }
                self._outbox.mail(account.email, "account-secured", account.locale, context)
                self._persons.forget(account.subject)
                subject = account.subject
                after_commit(lambda: self._persons.forget(subject))
        except BaseException:
            # Nothing was undone, so the link must still be good for it.
            self._store.put(_key(token), orjson.dumps(notice), self._left(notice))
            raise
        return self._links.issue(account)

    def _left(self, notice: NoticedSignIn) -> int:
        left = notice.at + LIFETIME - self._clock.now()
        return max(60, int(left.total_seconds()))

    def _record(
        self, account: Account, notice: NoticedSignIn, gone: dict[str, int], ip: str
    ) -> None:
        self._audit.record(
            "sign_in.disowned",
            category="sign-in",
            actor=account.subject,
            subject=account.subject,
            ip=ip,
            detail={"sid": notice.sid, "signed_in_from": notice.ip, "gone": gone},
        )


_UNNAMED = frozenset({"remembered_devices", "recovery_codes"})


def _key(token: str) -> str:
    return f"not-me:{digest(token)}"


def _read(raw: bytes | None) -> NoticedSignIn | None:
    if raw is None:
        return None
    plain = orjson.loads(raw)
    for name in ("at", "since"):
        plain[name] = datetime.fromisoformat(plain[name])
    return NoticedSignIn(**plain)
