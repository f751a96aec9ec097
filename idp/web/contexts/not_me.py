"""Pages of mailed links that undo what somebody else did in a person's name."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from idp.web.contexts.login import LoginPage


@dataclass(frozen=True, kw_only=True)
class NotMe(LoginPage):
    """What the link would undo; the main button does it and leads on to a new password."""

    template: ClassVar[str] = "not_me/sign_in.html"
    step: ClassVar[str] = "not-me"

    at: datetime
    ip: str = ""
    device: str = ""


@dataclass(frozen=True, kw_only=True)
class WithdrawCase(LoginPage):
    """A call for help that the person may not have made; the main button withdraws it."""

    template: ClassVar[str] = "not_me/case.html"
    step: ClassVar[str] = "withdraw-case"

    at: datetime
    ip: str = ""
    tenant_name: str = ""


@dataclass(frozen=True, kw_only=True)
class NotMeGone(LoginPage):
    """Such a link that was used, or is too old, or never was."""

    template: ClassVar[str] = "not_me/gone.html"
    step: ClassVar[str] = "not-me-gone"
    status: ClassVar[int] = 400
