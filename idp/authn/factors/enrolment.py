"""Setting up a second factor, forced or by choice: it counts once it has been proven to work.

Called within a login transaction (``authn.login.answers``) and by the account page
(``authn.factors.own_factors``). The first factor of a person comes with recovery codes, told once.
Every new factor is audited and mailed in the same unit of work.
"""

from dataclasses import dataclass

from idp.accounts.phone_number import InvalidPhoneNumber, check_callable, parse_phone_number
from idp.authn.factors.checking import SENT_ERRORS, TOTP_ERRORS, Given, WrongCode
from idp.authn.factors.codes import RecoveryCodeService
from idp.authn.factors.destinations import DestinationRefused, Destinations, masked_address
from idp.authn.factors.news import FactorNews, Where
from idp.authn.factors.passkeys import PasskeyRefused, Passkeys
from idp.authn.factors.sent_codes import SendRefused, SentCodes
from idp.authn.factors.totp import TotpService
from idp.authn.facts import Proof
from idp.authn.ports import People
from idp.core.clock import Clock
from idp.core.person import Person
from idp.core.vocabulary import Factor
from idp.infra.audit import Audit
from idp.infra.database import after_commit, transaction
from idp.infra.outbox import Outbox
from idp.infra.throttle import Limit, Throttle
from idp.settings import Settings


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A factor that now counts: the proof it was set up with, its row, and the recovery codes that
    came with it (empty where some are left, or none would count).
    """

    proof: Proof
    row_id: str
    name: str
    recovery_codes: tuple[str, ...]


class Enrolment:
    """Sets second factors up."""

    def __init__(
        self,
        *,
        settings: Settings,
        clock: Clock,
        throttle: Throttle,
        outbox: Outbox,
        audit: Audit,
        totp: TotpService,
        recovery_codes: RecoveryCodeService,
        passkeys: Passkeys,
        sent_codes: SentCodes,
        destinations: Destinations,
        people: People,
    ) -> None:
        limits = settings.limits
        self._limit = Limit("enrolment", limits.code_per_account, limits.window)
        self._region = settings.accounts.phone_region
        self._clock = clock
        self._throttle = throttle
        self._news = FactorNews(clock, audit, outbox, settings.issuer)
        self._totp = totp
        self._recovery_codes = recovery_codes
        self._passkeys = passkeys
        self._sent_codes = sent_codes
        self._destinations = destinations
        self._people = people

    def new_secret(self) -> str:
        """A TOTP key to set up."""
        return self._totp.new_secret()

    def send(
        self,
        person: Person,
        factor: Factor,
        typed: str,
        bound_to: str,
        *,
        locale: str,
        again: bool = False,
    ) -> str:
        """Send a code to a place that is to be set up; the address as it will be kept.

        ``typed``: a telephone number as people write it; of no matter for e-mail. Raises
        ``SendRefused``, also for what is no number that codes are sent to.
        """
        address = person.email
        if factor is not Factor.EMAIL:
            try:
                address = parse_phone_number(typed, self._region)
                check_callable(address)
            except InvalidPhoneNumber as error:
                raise SendRefused(error.code) from error
        self._sent_codes.send(
            person.account_id,
            factor,
            address,
            _purpose(bound_to),
            locale=locale,
            given_name=str(person.claims.get("given_name", "")),
            again=again,
            unproven=True,
        )
        return address

    def confirm(
        self,
        person: Person,
        factor: Factor,
        given: Given,
        *,
        secret: str = "",
        address: str = "",
        name: str = "",
        recovery: bool = True,
    ) -> Enrolled:
        """Keep the factor once it is proven to work.

        ``secret``: the TOTP key shown; ``address``: what :meth:`send` has returned; ``recovery``:
        recovery codes would count. Raises ``WrongCode``, ``Throttled``.
        """
        if factor is not Factor.WEBAUTHN and not given.code.strip():
            raise WrongCode("code-required")
        at = self._clock.now()
        if factor is not Factor.WEBAUTHN:  # Its answers cannot be guessed.
            self._throttle.attempt(self._limit, person.account_id, factor)
        codes: tuple[str, ...] = ()
        try:
            with transaction():
                kept = self._keep(person, factor, given, secret, address, name)
                if not isinstance(kept, str):
                    if recovery and not self._recovery_codes.left(person.account_id):
                        codes = self._recovery_codes.renew(person.account_id)
                    where = Where(given.ip, given.user_agent)
                    self._news.added(person, factor, kept[1], where)
                    after_commit(lambda: self._people.forget(person.subject))
        except (PasskeyRefused, DestinationRefused) as refused:
            raise WrongCode(refused.code) from refused
        if isinstance(kept, str):
            raise WrongCode(kept)
        self._throttle.clear(self._limit, person.account_id, factor)
        row_id, called, verified, synced = kept
        return Enrolled(Proof(factor, at, None, verified, synced), row_id, called, codes)

    def _keep(
        self, person: Person, factor: Factor, given: Given, secret: str, address: str, name: str
    ) -> tuple[str, str, bool, bool] | str:
        """Row, name, and of a passkey whether verified and synced; or the error."""
        account_id = person.account_id
        if factor is Factor.WEBAUTHN:
            made = self._passkeys.register(person, given.bound_to, given.credential, name)
            return made.id, made.name, made.user_verified, made.backup_eligible
        if factor is Factor.TOTP:
            device = self._totp.enroll(account_id, secret, given.code, name)
            if isinstance(device, str):
                return TOTP_ERRORS[device] or "code-invalid"
            return device.id, device.name, False, False
        checked = self._sent_codes.check(
            account_id, factor, _purpose(given.bound_to), given.code, address=address
        )
        if (error := SENT_ERRORS[checked]) is not None:
            return error
        row = (
            self._destinations.add_email(account_id)
            if factor is Factor.EMAIL
            else self._destinations.add_phone(account_id, address)
        )
        return row.id, masked_address(address), False, False


def _purpose(bound_to: str) -> str:
    """What a code is for that sets a factor up: never good for signing in."""
    return f"{bound_to}:setup"
