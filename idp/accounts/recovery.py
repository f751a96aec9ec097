"""The link that lets somebody set a new password: mailed, single use, one hour (S5).

Redis keeps the token's digest only. An address without an account causes the same work, undone at
the end, so neither answer nor time tells whether there is one.
"""

import orjson
from sqlalchemy import select

from idp.accounts.guessing import network_of
from idp.accounts.models import Account
from idp.core.randomness import Randomness, digest
from idp.infra.audit import Audit
from idp.infra.database import db, transaction
from idp.infra.ephemeral import EphemeralStore
from idp.infra.outbox import Outbox
from idp.infra.throttle import Limit, Throttle
from idp.settings import Settings

_HOUR = 3600


class InvalidRecovery(Exception):
    """The link was used, is too old, or was never ours."""

    def __init__(self) -> None:
        super().__init__("this link is no longer valid")


class RecoveryLinks:
    """Makes, mails, finds and redeems the links."""

    def __init__(
        self,
        settings: Settings,
        randomness: Randomness,
        outbox: Outbox,
        audit: Audit,
        throttle: Throttle,
        store: EphemeralStore,
    ) -> None:
        self._issuer = settings.issuer
        self._lifetime = settings.lifetimes.password_reset
        self._randomness = randomness
        self._outbox = outbox
        self._audit = audit
        self._throttle = throttle
        self._store = store
        self._per_address = Limit("recovery-address", settings.limits.mail_per_address, _HOUR)
        self._per_network = Limit("recovery-network", settings.limits.password_per_network, _HOUR)

    def send(self, account: Account | None, typed: str, ip: str | None, locale: str | None) -> None:
        """Mail a link to the account, or do as much for nobody; raises ``Throttled``."""
        self._throttle.attempt(self._per_network, network_of(ip))
        address = account.email if account else typed.strip().lower()[:320]
        # Past the limit of one address nothing is sent, and nothing tells so.
        flooded = self._throttle.hit(self._per_address, digest(address)) > self._per_address.limit
        wanted = account is not None and not flooded
        token = self.issue(account)
        context = {
            "link": f"{self._issuer}/password/reset/{token}",
            "minutes": self._lifetime // 60,
            "ip": ip or "",
            "given_name": (account.given_name if account else None) or "",
        }
        language = locale or (account.locale if account else "en")
        with transaction() as session:
            with session.begin_nested() as savepoint:
                self._outbox.mail(address, "password-reset", language, context)
                session.flush()
                if not wanted:
                    savepoint.rollback()
            self._audit.record(
                "password.reset_requested",
                category="accounts",
                subject=account.subject if account else None,
                ip=ip,
                outcome="success" if wanted else "failure",
            )

    def issue(self, account: Account | None) -> str:
        """A token for somebody whom another mailed link has proven to be the account's owner."""
        token = self._randomness.token()
        value = {"account": account.id if account else "", "set": _generation(account)}
        self._store.put(_key(token), orjson.dumps(value), self._lifetime)
        return token

    def get(self, token: str) -> Account:
        """The account whose link this is, as long as password and address are those of then."""
        raw = self._store.get(_key(token))
        if raw is None:
            raise InvalidRecovery
        value = orjson.loads(raw)
        account = db.session.scalar(select(Account).where(Account.id == value["account"]))
        if account is None or _generation(account) != value["set"]:
            raise InvalidRecovery
        return account

    def redeem(self, token: str) -> None:
        """Use the link up; all but one caller get ``InvalidRecovery``."""
        if self._store.take(_key(token)) is None:
            raise InvalidRecovery


def _key(token: str) -> str:
    return f"reset:{digest(token)}"


def _generation(account: Account | None) -> str:
    """Changes with the password and with the address, so that older links die with either."""
    if account is None:
        return digest("")
    changed = account.password_changed_at
    return digest(f"{account.email} {changed.isoformat() if changed else ''}")
