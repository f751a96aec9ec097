"""What a product says when it cannot show what was asked for; texts are message ids.

The codes are our own and the provider's (OAuth 2.0 §4.1.2.1, OIDC Core §3.1.2.6). A code from the
wire only ever picks one of these texts; nothing of it is shown.
"""

from dataclasses import dataclass
from typing import Literal

Action = Literal["retry", "home", "switch", "none"]


@dataclass(frozen=True, slots=True)
class Message:
    """One explanation and the next step from it."""

    code: str
    title: str
    text: str
    action: Action
    label: str = ""
    calm: bool = False


_TRY_AGAIN = "Try again"
_BACK = "Back to the first page"

MESSAGES = {
    message.code: message
    for message in (
        Message(
            "signed_out",
            "You are signed out",
            "You can close this window, or sign in again.",
            "retry",
            "Sign in",
            calm=True,
        ),
        Message(
            "signed_out_here",
            "You are signed out here",
            "The sign-in service does not answer, so other products may still be open. Please sign"
            " out there too.",
            "retry",
            "Sign in",
        ),
        Message(
            "provider_away",
            "Sign-in is not available right now",
            "The sign-in service does not answer. Your data is safe; please try again in a minute.",
            "retry",
            _TRY_AGAIN,
        ),
        Message(
            "expired",
            "This sign-in has expired",
            "It was started too long ago, or in another window. Nothing was changed.",
            "retry",
            "Sign in again",
        ),
        Message(
            "sign_in_failed",
            "You could not be signed in",
            "The answer of the sign-in service could not be confirmed, so it was not used. Please"
            " sign in again; if it happens again, tell your administrator.",
            "retry",
            "Sign in again",
        ),
        Message(
            "too_weak",
            "This page needs a stronger sign-in",
            "You were signed in, but not with two factors just now. Set up a second factor in your"
            " account, then try again.",
            "retry",
            _TRY_AGAIN,
        ),
        Message(
            "unmet_authentication_requirements",
            "This page needs a stronger sign-in",
            "You were signed in, but not with two factors just now. Set up a second factor in your"
            " account, then try again.",
            "retry",
            _TRY_AGAIN,
        ),
        Message(
            "access_denied",
            "You did not continue",
            "The sign-in was cancelled, or you are not allowed to enter. If you did not cancel it,"
            " ask the administrator of your company for access.",
            "retry",
            _TRY_AGAIN,
        ),
        Message(
            "login_required",
            "Please sign in",
            "The sign-in service needs you to sign in again.",
            "retry",
            "Sign in",
        ),
        Message(
            "temporarily_unavailable",
            "Sign-in is not available right now",
            "The sign-in service is busy or being maintained. Please try again in a minute.",
            "retry",
            _TRY_AGAIN,
        ),
        Message(
            "no_company",
            "No company was chosen",
            "Your account does not belong to a company that uses this product, or none was chosen.",
            "switch",
            "Choose a company",
        ),
        Message(
            "no_permission",
            "You may not see this page",
            "Your company has not given you this right. Its administrator can.",
            "home",
            _BACK,
        ),
        Message(
            "other_issuer",
            "This link belongs to another sign-in service",
            "It was not used. Please open the product from its own address.",
            "home",
            _BACK,
        ),
        Message(
            "not_found",
            "There is nothing at this address",
            "It may have been moved, or belong to somebody else.",
            "home",
            _BACK,
        ),
        Message(
            "refused",
            "The sign-in service refused the request",
            "This is a matter of set-up, not of your account. Please tell your administrator.",
            "retry",
            _TRY_AGAIN,
        ),
        Message(
            "broken",
            "Something went wrong here",
            "The fault is ours and has been noted. Please try again.",
            "home",
            _BACK,
        ),
    )
}

_SAME = {
    "interaction_required": "login_required",
    "account_selection_required": "login_required",
    "consent_required": "access_denied",
    "server_error": "temporarily_unavailable",
}


def message_for(code: str) -> Message:
    """The explanation for a code; an unknown one is a refusal."""
    return MESSAGES.get(_SAME.get(code, code), MESSAGES["refused"])
