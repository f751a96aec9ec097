"""What an account is made of, whichever way somebody came: names, a password, a confirmed address.

Used by ``authn.login.registration`` (with an invitation) and ``authn.login.sign_up`` (from
nothing). What is typed is kept in the login transaction until the address is confirmed: the
password as its hash, sealed. A mailed code belongs to one transaction and one address, so that a
code for an address of one's own confirms no other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from idp.accounts.breached import PasswordsUnavailable
from idp.accounts.claims import InvalidClaim, check_claims
from idp.accounts.models import Account
from idp.accounts.passwords import Hasher, WeakPassword
from idp.accounts.service import AccountService
from idp.authn.factors.codes import Checked, MailCodes
from idp.authn.login.outcome import Refused
from idp.authn.login.vault import Vault
from idp.core.randomness import digest
from idp.infra.database import transaction
from idp.infra.outbox import Outbox

_NAMES = ("given_name", "family_name")


@dataclass(frozen=True, slots=True)
class Applicant:
    """Whose account it is to be. ``purpose`` names the login transaction the codes belong to."""

    purpose: str
    email: str
    locale: str
    given_name: str = ""
    tenant_name: str = ""


class NewAccounts:
    """Checks what was typed, confirms the address, makes the account."""

    def __init__(
        self,
        *,
        vault: Vault,
        outbox: Outbox,
        hasher: Hasher,
        accounts: AccountService,
        mail_codes: MailCodes,
        code_lifetime: int,
        terms_uri: str,
    ) -> None:
        self._vault = vault
        self._outbox = outbox
        self._hasher = hasher
        self._accounts = accounts
        self._mail_codes = mail_codes
        self._code_lifetime = code_lifetime
        self._terms_uri = terms_uri

    def check_form(
        self, form: Mapping[str, str], email: str, around: Sequence[str] = ()
    ) -> dict[str, str] | Refused:
        """Names, the sealed hash of the password, the terms accepted; or what is wrong, by field.

        ``around`` are words a password should not be built of alone: the company's name.
        """
        names = {field: form.get(field, "").strip() for field in _NAMES}
        errors = {}
        for field, value in names.items():
            try:
                check_claims({field: value})
            except InvalidClaim:
                errors[field] = "too-long"
            if not value:
                errors[field] = f"{field.replace('_', '-')}-required"
        password = form.get("new_password", "")
        try:
            if not password:
                errors["new_password"] = "password-required"
            else:
                own = [email, *filter(None, names.values())]
                self._accounts.new_passwords.check_typed(password, own, around)
        except PasswordsUnavailable:
            errors["new_password"] = "unavailable"
        except WeakPassword as error:
            errors["new_password"] = error.reason
        if "new_password" not in errors and form.get("repeat_password", "") != password:
            errors["repeat_password"] = "password-mismatch"
        if self._terms_uri and not form.get("terms"):
            errors["terms"] = "terms-required"
        if errors:
            return Refused(errors)
        try:
            hashed = self._vault.seal(self._hasher.hash(password))
        except PasswordsUnavailable:
            return Refused({"new_password": "unavailable"})
        return {**names, "password": hashed, "terms": self._terms_uri}

    def issue_code(self, applicant: Applicant) -> str:
        """A new code for the address, not mailed yet; raises ``ResendTooSoon``."""
        return self._mail_codes.issue(_of(applicant), applicant.email)

    def send_code(self, applicant: Applicant) -> None:
        """Mail a code to the address; raises ``ResendTooSoon``."""
        code = self.issue_code(applicant)
        context = {
            "code": code,
            "minutes": self._code_lifetime // 60,
            "given_name": applicant.given_name,
            "tenant_name": applicant.tenant_name,
        }
        with transaction():
            self._outbox.mail(applicant.email, "email-code", applicant.locale, context)

    def has_code(self, applicant: Applicant) -> bool:
        """Whether a code that still counts was issued for the address."""
        return self._mail_codes.is_pending(_of(applicant))

    def check_code(self, applicant: Applicant, code: str) -> Refused | None:
        """Use the code up, or say why it was refused."""
        if not code.strip():
            return Refused({"code": "code-required"})
        checked: Checked = self._mail_codes.check(_of(applicant), code)
        if checked == "right":
            return None
        error = "code-expired" if checked == "expired" else "mail-code-invalid"
        return Refused({"code": error})

    def create(
        self, applicant: Applicant, kept: Mapping[str, str], salutation: str | None = None
    ) -> Account:
        """The account, its address confirmed; raises ``EmailTaken``."""
        return self._accounts.create(
            applicant.email,
            given_name=kept["given_name"],
            family_name=kept["family_name"],
            password_hash=self._vault.unseal(kept["password"]),
            email_verified=True,
            locale=applicant.locale,
            salutation=salutation,
            terms=kept.get("terms", ""),
        )


def _of(applicant: Applicant) -> str:
    return f"register:{applicant.purpose}:{digest(applicant.email)[:16]}"
