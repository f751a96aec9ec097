"""What a person does to their own second factors on the account page (M1-M5, M8, M12).

The caller has asked for a fresh sign-in. A factor counts once it has been proven to work; the last
one that a company's policy needs stays. Every change is audited and mailed in the same unit of
work. What is asked at sign-in, and set up where that is forced, is ``authn.factors.checking``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from idp.accounts.service import AccountService
from idp.authn.factors.adding import AddingFactors, FactorRefused, checked_name
from idp.authn.factors.available import available_factors
from idp.authn.factors.codes import RecoveryCodeService
from idp.authn.factors.destinations import Destinations
from idp.authn.factors.devices import RememberedDevices
from idp.authn.factors.enrolment import Enrolment
from idp.authn.factors.holdings import (
    Holdings,
    OwnFactor,
    demanding,
    held,
    needing,
    recovery_counts,
    without,
)
from idp.authn.factors.news import FactorNews, Where
from idp.authn.factors.passkeys import Passkeys
from idp.authn.factors.setups import Setups
from idp.authn.factors.totp import TotpService
from idp.authn.models import RememberedDevice
from idp.authn.ports import People
from idp.core.clock import Clock
from idp.core.person import Person
from idp.core.vocabulary import Factor
from idp.infra.audit import Audit
from idp.infra.database import after_commit, transaction
from idp.infra.ephemeral import EphemeralStore
from idp.infra.outbox import Outbox
from idp.infra.sealing import Sealer
from idp.settings import Settings

__all__ = ["FactorNeeded", "FactorRefused", "Overview", "OwnFactors", "Where"]


class FactorNeeded(Exception):
    """It stays: the policies of these companies need it."""

    def __init__(self, tenant_names: tuple[str, ...]) -> None:
        super().__init__(f"needed by the policy of {', '.join(tenant_names)}")
        self.tenant_names = tenant_names


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything the account page says of a person's factors. ``addable`` in order of preference;
    ``needed_by``: companies whose policy demands a second factor; ``recovery_counts``: a recovery
    code could stand in for one somewhere.
    """

    factors: tuple[OwnFactor, ...]
    addable: tuple[Factor, ...]
    needed_by: tuple[str, ...]
    recovery_counts: bool

    def find(self, kind: str, factor_id: str) -> OwnFactor | None:
        """One of them."""
        return next((f for f in self.factors if (f.kind, f.id) == (kind, factor_id)), None)


class OwnFactors:
    """Names and removes a person's second factors; ``adding`` adds them."""

    def __init__(
        self,
        *,
        settings: Settings,
        clock: Clock,
        store: EphemeralStore,
        sealer: Sealer,
        outbox: Outbox,
        audit: Audit,
        enrolment: Enrolment,
        totp: TotpService,
        passkeys: Passkeys,
        destinations: Destinations,
        recovery_codes: RecoveryCodeService,
        devices: RememberedDevices,
        accounts: AccountService,
        people: People,
    ) -> None:
        self._holdings = Holdings(passkeys, totp, destinations, available_factors(settings))
        self._news = FactorNews(clock, audit, outbox, settings.issuer)
        self._totp = totp
        self._passkeys = passkeys
        self._destinations = destinations
        self._recovery_codes = recovery_codes
        self._devices = devices
        self._accounts = accounts
        self._people = people
        self.adding = AddingFactors(
            self._holdings,
            Setups(store, sealer, settings.lifetimes.login_transaction),
            enrolment,
            passkeys,
            accounts,
            settings.accounts.phone_region,
        )

    def overview(self, person: Person) -> Overview:
        """What is set up, what may be added, who needs a second factor."""
        factors = self._holdings.of(person)
        return Overview(
            tuple(replace(one, needed_by=self._needed(person, factors, one)) for one in factors),
            self._holdings.addable(person),
            demanding(person),
            recovery_counts(person),
        )

    # Naming and removing

    def rename(self, person: Person, kind: str, factor_id: str, name: str) -> bool:
        """Give an app or passkey another name; False if the person has none such.

        Raises ``FactorRefused``.
        """
        name = checked_name(name)
        if not name:
            raise FactorRefused("factor-name-required")
        if kind == "passkey":
            return self._passkeys.rename(person.account_id, factor_id, name)
        return kind == "totp" and self._totp.rename(person.account_id, factor_id, name)

    def remove(self, person: Person, kind: str, factor_id: str, where: Where) -> OwnFactor | None:
        """Remove one; what was removed. With the last one go recovery codes and remembered
        devices. Raises ``FactorNeeded``.
        """
        with transaction():
            self._holdings.lock(person)
            factors = self._holdings.of(person)
            one = next((f for f in factors if (f.kind, f.id) == (kind, factor_id)), None)
            if one is None:
                return None
            if names := self._needed(person, factors, one):
                raise FactorNeeded(names)
            self._delete(person, one)
            last = len(factors) == 1
            if last:
                self._clear(person)
            self._news.removed(person, one.factor, one.name, where, last=last)
            after_commit(lambda: self._people.forget(person.subject))
        return one

    def turn_off(self, person: Person, where: Where) -> None:
        """Remove all of them, recovery codes and remembered devices; raises ``FactorNeeded``."""
        with transaction():
            self._holdings.lock(person)
            factors = self._holdings.of(person)
            now = held(factors, self._holdings.available)
            if names := needing(person, now, frozenset[Factor]()):
                raise FactorNeeded(names)
            for one in factors:
                self._delete(person, one)
                self._news.record(person, "factor.removed", where, one.factor, one.name)
            self._clear(person)
            if factors:
                self._news.mail(person, "mfa-disabled", where)
            after_commit(lambda: self._people.forget(person.subject))

    def set_always(self, person: Person, wanted: bool, where: Where) -> None:
        """Have the second factor asked for at every sign-in (M8), or only where it is demanded."""
        if wanted == person.self_mfa or (wanted and not person.enrolled):
            return
        with transaction():
            self._accounts.set_self_mfa(person.account_id, wanted)
            self._news.mail(person, "mfa-always" if wanted else "mfa-on-demand", where)
            after_commit(lambda: self._people.forget(person.subject))

    # Recovery codes and remembered devices

    def renew_recovery_codes(self, person: Person, where: Where) -> tuple[str, ...]:
        """Ten new recovery codes; the old ones are dead. Raises ``FactorRefused``."""
        with transaction():
            self._holdings.lock(person)
            if not self._holdings.of(person) or not recovery_counts(person):
                raise FactorRefused("nothing-to-recover")
            codes = self._recovery_codes.renew(person.account_id)
            self._news.record(person, "recovery_codes.renewed", where)
            self._news.mail(person, "recovery-codes-renewed", where)
            after_commit(lambda: self._people.forget(person.subject))
        return codes

    def list_devices(self, person: Person) -> Sequence[RememberedDevice]:
        """Browsers that may skip the second factor, latest first."""
        return self._devices.list(person.account_id)

    def forget_device(self, person: Person, device_id: str, where: Where) -> bool:
        """Forget one of the person's; False if there is none such."""
        with transaction():
            gone = self._devices.forget(person.account_id, device_id)
            if gone:
                self._news.record(person, "device.forgotten", where)
        return gone

    def forget_devices(self, person: Person, where: Where) -> None:
        """Forget all of them."""
        with transaction():
            if self._devices.list(person.account_id):
                self._devices.forget_all(person.account_id)
                self._news.record(person, "device.all_forgotten", where)

    # Inside

    def _needed(
        self, person: Person, factors: Sequence[OwnFactor], one: OwnFactor
    ) -> tuple[str, ...]:
        """The companies whose policy needs this very one of them."""
        available = self._holdings.available
        return needing(person, held(factors, available), held(without(factors, one), available))

    def _delete(self, person: Person, one: OwnFactor) -> None:
        if one.kind == "passkey":
            self._passkeys.remove(person.account_id, one.id)
        elif one.kind == "totp":
            self._totp.remove(person.account_id, one.id)
        else:
            self._destinations.remove(person.account_id, one.id)

    def _clear(self, person: Person) -> None:
        """Nothing is set up any more: what stands in for it goes as well."""
        self._recovery_codes.remove_all(person.account_id)
        self._devices.forget_all(person.account_id)
        if person.self_mfa:
            self._accounts.set_self_mfa(person.account_id, False)
