"""Pages reached from a mail: forgotten password, invitation, confirmation of an address."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from idp.web.contexts.login import LoginPage


@dataclass(frozen=True, kw_only=True)
class PasswordForgot(LoginPage):
    """Field ``email``."""

    template: ClassVar[str] = "password/forgot.html"
    step: ClassVar[str] = "password-forgot"


@dataclass(frozen=True, kw_only=True)
class PasswordForgotSent(LoginPage):
    """The same whether or not the account exists."""

    template: ClassVar[str] = "password/sent.html"
    step: ClassVar[str] = "password-forgot-sent"
    languages: ClassVar[bool] = False

    minutes: int = 60
    back_url: str = "/account"
    again_url: str = "/password/forgot"
    outbox_url: str = ""
    """Address of the kept mail on a loopback issuer, else empty."""


@dataclass(frozen=True, kw_only=True)
class PasswordReset(LoginPage):
    """Fields ``new_password``, ``repeat_password``; ``email`` is shown, not sent."""

    template: ClassVar[str] = "password/reset.html"
    step: ClassVar[str] = "password-reset"


@dataclass(frozen=True, kw_only=True)
class PasswordResetDone(LoginPage):
    """Says what ended; leads on to signing in."""

    template: ClassVar[str] = "password/done.html"
    step: ClassVar[str] = "password-reset-done"
    languages: ClassVar[bool] = False

    continue_url: str = "/account"


@dataclass(frozen=True, kw_only=True)
class LinkExpired(LoginPage):
    """A password link that is used, too old or unknown."""

    template: ClassVar[str] = "password/link_expired.html"
    step: ClassVar[str] = "link-expired"
    status: ClassVar[int] = 400

    again_url: str = "/password/forgot"


@dataclass(frozen=True, kw_only=True)
class Register(LoginPage):
    """Fields ``given_name``, ``family_name``, ``new_password``, ``repeat_password``; ``email`` is
    read-only and never taken from the form. With ``terms_uri`` a box ``terms`` (``1``), too.

    ``tenant_name``: the company of the invitation; without one ``action=edit`` goes back.
    ``unknown``: somebody meant to sign in with an address that has no account.
    """

    template: ClassVar[str] = "register/form.html"
    step: ClassVar[str] = "register"

    tenant_name: str = ""
    inviter: str = ""
    given_name: str = ""
    family_name: str = ""
    unknown: bool = False
    terms_uri: str = ""
    terms: bool = False


@dataclass(frozen=True, kw_only=True)
class VerifyEmail(LoginPage):
    """Field ``code``; ``action=resend``; ``action=edit`` unless the address was ``invited``."""

    template: ClassVar[str] = "register/verify_email.html"
    step: ClassVar[str] = "verify-email"

    minutes: int = 15
    invited: bool = False
    outbox_url: str = ""


@dataclass(frozen=True, kw_only=True)
class InvitationSignIn(LoginPage):
    """The invited address has an account already: the main button leads to signing in."""

    template: ClassVar[str] = "register/sign_in.html"
    step: ClassVar[str] = "invitation-sign-in"

    tenant_name: str = ""
    inviter: str = ""


@dataclass(frozen=True, kw_only=True)
class InvitationInvalid(LoginPage):
    """An invitation that cannot be used; ``other-account``: signed in as somebody else."""

    template: ClassVar[str] = "register/invalid.html"
    step: ClassVar[str] = "invitation-invalid"
    status: ClassVar[int] = 400

    reason: Literal["expired", "used", "revoked", "unknown", "other-account"] = "unknown"
    tenant_name: str = ""
    continue_url: str = "/account"
