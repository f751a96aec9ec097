"""A person adds a second factor on the account page: begun in a session, confirmed by a proof that
it works (M1-M3, M8). What a confirmed factor brings with it is ``authn.factors.enrolment``.
"""

import contextlib
from dataclasses import dataclass
from typing import Any

from idp.accounts.phone_number import InvalidPhoneNumber, parse_phone_number
from idp.accounts.service import AccountService
from idp.authn.factors.checking import Given, WrongCode
from idp.authn.factors.destinations import MAX_NUMBERS, masked_address
from idp.authn.factors.enrolment import Enrolled, Enrolment
from idp.authn.factors.holdings import Holdings, Kind, recovery_counts
from idp.authn.factors.news import Where
from idp.authn.factors.passkeys import Passkeys
from idp.authn.factors.setups import Setups
from idp.authn.factors.totp import grouped, otpauth_uri
from idp.core.person import Person
from idp.core.vocabulary import Factor
from idp.infra.database import transaction

MAX_APPS = 5
"""Authenticator apps per account."""
NAME_LENGTH = 60
"""Characters of the name that a person gives an app or passkey."""


class FactorRefused(Exception):
    """Nothing was changed; ``code`` is what to translate."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class AppSetup:
    """A TOTP key to set up: to type (in fours) and for the QR code."""

    secret: str
    uri: str


@dataclass(frozen=True, slots=True)
class Sent:
    """A code is on its way: by which factor, to which masked address."""

    factor: Factor
    destination: str


class AddingFactors:
    """Begins and confirms what a person sets up by choice; ``region``: their telephone's country
    where a number names none.
    """

    def __init__(
        self,
        holdings: Holdings,
        setups: Setups,
        enrolment: Enrolment,
        passkeys: Passkeys,
        accounts: AccountService,
        region: str,
    ) -> None:
        self._holdings = holdings
        self._setups = setups
        self._enrolment = enrolment
        self._passkeys = passkeys
        self._accounts = accounts
        self._region = region

    def begin_totp(self, person: Person, sid: str) -> AppSetup:
        """A key for this session to set up; the same one again until it is confirmed."""
        new = {"secret": self._enrolment.new_secret()}
        secret = self._setups.begin_once("totp", person.account_id, sid, new)["secret"]
        return AppSetup(grouped(secret), otpauth_uri(secret, person.email))

    def confirm_totp(
        self, person: Person, sid: str, code: str, name: str, where: Where
    ) -> Enrolled:
        """Keep the key once a code proves that an app holds it.

        Raises ``FactorRefused`` (``code-expired``: begin again), ``Throttled``.
        """
        begun = self._begun("totp", person, sid)
        given = Given(sid, where.ip, code, user_agent=where.user_agent)
        enrolled = self._confirm(person, Factor.TOTP, given, name=name, secret=begun["secret"])
        self._setups.end("totp", person.account_id, sid)
        return enrolled

    def passkey_options(self, person: Person, sid: str) -> dict[str, Any]:
        """Options for ``navigator.credentials.create``, JSON-ready."""
        return self._passkeys.creation_options(person, sid)

    def known_passkeys(self, person: Person) -> dict[str, Any]:
        """What browsers are told, so that they stop offering removed ones."""
        return self._passkeys.known_to_browsers(person.account_id)

    def confirm_passkey(
        self, person: Person, sid: str, credential: str, name: str, where: Where
    ) -> Enrolled:
        """Keep a new passkey; raises as above."""
        given = Given(sid, where.ip, credential=credential, user_agent=where.user_agent)
        return self._confirm(person, Factor.WEBAUTHN, given, name=name)

    def begin_phone(
        self, person: Person, sid: str, factor: Factor, number: str, *, locale: str
    ) -> None:
        """Send a code to a number that is to be set up, by ``SMS`` or ``VOICE``.

        Raises ``FactorRefused``, ``SendRefused``.
        """
        if not number.strip():
            raise FactorRefused("phone-required")
        if factor not in (Factor.SMS, Factor.VOICE):
            raise FactorRefused("factor-not-allowed")
        phones = self._holdings.numbers(person)
        if len(phones) >= MAX_NUMBERS:
            raise FactorRefused("too-many-numbers")
        with contextlib.suppress(InvalidPhoneNumber):  # which sending tells
            address = parse_phone_number(number.strip(), self._region)
            if address in phones:
                raise FactorRefused("phone-known")
        self._send("phone", person, sid, factor, number.strip()[:64], locale)

    def begin_email(self, person: Person, sid: str, *, locale: str) -> None:
        """Send a code to the account's address; raises ``FactorRefused``, ``SendRefused``."""
        self._send("email", person, sid, Factor.EMAIL, person.email, locale)

    def resend(self, person: Person, sid: str, kind: Kind, *, locale: str) -> None:
        """Send another code to where the last one went; raises as above."""
        begun = self._begun(kind, person, sid)
        factor = Factor(begun["factor"])
        self._send(kind, person, sid, factor, begun["address"], locale, again=True)

    def pending(self, person: Person, sid: str, kind: Kind) -> Sent | None:
        """Where a code was sent that this session has not given back yet."""
        begun = self._setups.find(kind, person.account_id, sid)
        if begun is None:
            return None
        return Sent(Factor(begun["factor"]), masked_address(begun["address"]))

    def give_up(self, person: Person, sid: str, kind: Kind) -> None:
        """The person wants another number, or none."""
        self._setups.end(kind, person.account_id, sid)

    def confirm_sent(
        self, person: Person, sid: str, kind: Kind, code: str, where: Where
    ) -> Enrolled:
        """Keep the number or address once the code proves it.

        Raises ``FactorRefused`` (``code-expired``: begin again), ``Throttled``.
        """
        begun = self._begun(kind, person, sid)
        given = Given(sid, where.ip, code, user_agent=where.user_agent)
        enrolled = self._confirm(person, Factor(begun["factor"]), given, address=begun["address"])
        self._setups.end(kind, person.account_id, sid)
        return enrolled

    # Inside

    def _check_addable(self, person: Person, factor: Factor) -> None:
        if factor not in self._holdings.addable(person):
            raise FactorRefused("factor-not-allowed")

    def _begun(self, kind: str, person: Person, sid: str) -> dict[str, Any]:
        begun = self._setups.find(kind, person.account_id, sid)
        if begun is None:
            raise FactorRefused("code-expired")
        return begun

    def _send(
        self,
        kind: Kind,
        person: Person,
        sid: str,
        factor: Factor,
        to: str,
        locale: str,
        *,
        again: bool = False,
    ) -> None:
        self._check_addable(person, factor)
        address = self._enrolment.send(person, factor, to, sid, locale=locale, again=again)
        values = {"factor": factor.value, "address": address}
        self._setups.begin(kind, person.account_id, sid, values)

    def _confirm(
        self, person: Person, factor: Factor, given: Given, *, name: str = "", **what: str
    ) -> Enrolled:
        """Keep what is proven. Whoever sets up their first factor here wants it asked for (M8)."""
        self._check_addable(person, factor)
        name = checked_name(name)
        try:
            with transaction():
                self._holdings.lock(person)
                before = self._holdings.of(person)
                if factor is Factor.TOTP and sum(f.kind == "totp" for f in before) >= MAX_APPS:
                    raise FactorRefused("too-many-apps")
                enrolled = self._enrolment.confirm(
                    person,
                    factor,
                    given,
                    name=name,
                    recovery=recovery_counts(person),
                    **what,
                )
                if not before and not person.self_mfa:
                    self._accounts.set_self_mfa(person.account_id, True)
        except WrongCode as error:
            raise FactorRefused(error.error) from error
        return enrolled


def checked_name(name: str) -> str:
    """A name for an app or passkey, blanks around it aside; raises ``FactorRefused``."""
    name = " ".join(name.split())
    if len(name) > NAME_LENGTH:
        raise FactorRefused("too-long")
    if not name.isprintable():
        raise FactorRefused("name-invalid")
    return name
