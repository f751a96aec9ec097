"""What a person says of themselves on the account page: names, telephone, language, time zone.

Names and telephone reach every product with the next token, so their change is mailed; the caller
has asked for a fresh sign-in. Language and time zone are a matter of taste.
"""

from dataclasses import dataclass

from idp.accounts.claims import InvalidClaim
from idp.accounts.models import Account
from idp.accounts.phone_number import InvalidPhoneNumber, parse_phone_number
from idp.accounts.service import AccountService
from idp.authn.factors.news import Where
from idp.core.clock import Clock
from idp.core.person import Person
from idp.core.user_agents import device_name
from idp.infra.database import transaction
from idp.infra.outbox import Outbox
from idp.settings import Settings


class ProfileRefused(Exception):
    """Nothing was changed; ``errors`` by field, as codes to translate."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(", ".join(sorted(errors)))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Profile:
    """As typed, blanks around it aside."""

    given_name: str
    family_name: str
    phone_number: str


class OwnProfile:
    """Changes it."""

    def __init__(
        self, settings: Settings, clock: Clock, outbox: Outbox, accounts: AccountService
    ) -> None:
        self._issuer = settings.issuer
        self._region = settings.accounts.phone_region
        self._clock = clock
        self._outbox = outbox
        self._accounts = accounts

    def get(self, person: Person) -> Account:
        """The account behind the page."""
        return self._accounts.get(person.account_id)

    def change(self, person: Person, wanted: Profile, where: Where) -> bool:
        """Change names and telephone, and mail it; whether anything changed.

        Raises ``ProfileRefused``.
        """
        account = self.get(person)
        values = {"given_name": wanted.given_name, "family_name": wanted.family_name}
        errors = {
            name: f"{name.replace('_', '-')}-required"
            for name, value in values.items()
            if not value
        }
        values["phone_number"] = wanted.phone_number
        if wanted.phone_number:
            try:
                values["phone_number"] = parse_phone_number(wanted.phone_number, self._region)
            except InvalidPhoneNumber as error:
                errors["phone_number"] = error.code
        if errors:
            raise ProfileRefused(errors)
        changed = {name: text for name, text in values.items() if text != _kept(account, name)}
        if not changed:
            return False
        if account.name and changed.keys() & {"given_name", "family_name"}:
            changed["name"] = ""  # From now on it is composed of the new ones.
        try:
            with transaction():
                self._accounts.set_claims(person.account_id, changed, actor=person.subject)
                self._mail(account, where)
        except InvalidClaim as error:
            code = "too-long" if len(str(values[error.claim])) > 200 else "name-invalid"
            raise ProfileRefused({error.claim: code}) from error
        return True

    def prefer(self, person: Person, *, locale: str, zone: str) -> None:
        """Speak that language and that time zone's time; raises ``ProfileRefused``."""
        try:
            self._accounts.set_claims(
                person.account_id, {"locale": locale, "zoneinfo": zone}, actor=person.subject
            )
        except InvalidClaim as error:
            raise ProfileRefused({error.claim: f"{error.claim}-invalid"}) from error

    def _mail(self, account: Account, where: Where) -> None:
        context = {
            "given_name": account.given_name or "",
            "link": f"{self._issuer}/account/profile",
            "ip": where.ip,
            "device": device_name(where.user_agent),
            "at": self._clock.now().isoformat(),
            "zone": account.zoneinfo or "",
        }
        self._outbox.mail(account.email, "profile-changed", account.locale, context)


def _kept(account: Account, name: str) -> str:
    return str(getattr(account, name) or "")
