"""Mails that warn a person of somebody else (S8): passwords being tried, a factor that was stopped.

Each at most once a day for one account, however often its cause repeats.
"""

from idp.accounts.models import Account
from idp.accounts.service import AccountService
from idp.core.clock import Clock
from idp.core.person import Person
from idp.core.vocabulary import Factor
from idp.infra.database import transaction
from idp.infra.ephemeral import EphemeralStore
from idp.infra.outbox import Outbox
from idp.settings import Settings

_DAY = 86400


class Alerts:
    """Warns by mail."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        store: EphemeralStore,
        outbox: Outbox,
        accounts: AccountService,
    ) -> None:
        self._issuer = settings.issuer
        self._clock = clock
        self._store = store
        self._outbox = outbox
        self._accounts = accounts

    def guessing(self, subject: str) -> None:
        """Somebody tries many passwords from browsers that the account does not know."""
        account = self._accounts.find_by_subject(subject)
        if account is not None:
            self._once("guessing", account, {"link": f"{self._issuer}/account"})

    def factor_stopped(self, person: Person, factor: Factor, *, ip: str = "") -> None:
        """So many wrong codes were entered, after the right password, that the factor is stopped.

        It is the person themselves, or somebody who knows the password.
        """
        account = self._accounts.find_by_subject(person.subject)
        if account is not None:
            context = {"factor": str(factor), "link": f"{self._issuer}/password/forgot", "ip": ip}
            self._once(f"factor-stopped:{factor}", account, context)

    def _once(self, name: str, account: Account, context: dict[str, str]) -> None:
        key = f"alerted:{name}:{account.id}"
        if not self._store.put(key, b"1", _DAY, only_new=True):
            return
        known = {
            "given_name": account.given_name or "",
            "at": self._clock.now().isoformat(),
            "zone": account.zoneinfo or "",
        }
        try:
            with transaction():
                mail = name.partition(":")[0]
                self._outbox.mail(account.email, mail, account.locale, {**known, **context})
        except BaseException:
            self._store.delete(key)
            raise
