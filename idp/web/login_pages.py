"""The page of each step of the login, from the step's value.

A new step needs a case here and a context in ``contexts``; the type checker insists on both.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, assert_never, cast

from flask import request
from markupsafe import Markup

from idp.authn import step_kinds as steps
from idp.authn.login.transaction import LoginTransaction
from idp.core.vocabulary import Factor
from idp.tenants.catalogue import product_name
from idp.web import contexts, http
from idp.web.contexts.login import FactorKey
from idp.web.entering import entering_of
from idp.web.qr import qr_svg

_NOT_SENT = {"resend-too-soon", "too-many-codes"}
"""What is wrong is not what stands in the field."""
_GRACE = timedelta(hours=1)
"""Grace is given in days; what is shorter is the time between two writes."""
_LATER_SAID = 3
"""Recovery codes left from which on the page says how few they are."""


def login_page(
    tx: LoginTransaction, due: steps.Step, errors: Mapping[str, str], *, tenant_name: str = ""
) -> contexts.Page:
    """The page of a step; ``tenant_name``: the company being entered, once it is settled."""
    common: dict[str, Any] = {
        "errors": _shown(errors, due),
        "error_values": {"minutes": _minutes(errors.get("retry_after"))},
        "email": tx.email,
    }
    match due:
        case steps.Identify():
            typed = request.form.get("email", "").strip()
            return contexts.Identify(
                **{**common, "email": typed if errors and typed else due.email},
                entering=entering_of(tx),
                forgot_url=_forgot_url(tx),
                may_register=_may_register(tx),
                registering=due.registering,
                passkey=due.passkey,
            )
        case steps.Passkey():
            return contexts.Passkey(
                **{**common, "email": due.email},
                entering=entering_of(tx),
                forgot_url=_forgot_url(tx),
                may_use_password=due.may_use_password,
                passkey=due.passkey,
                again=_is_signed_in(tx),
            )
        case steps.Password():
            return contexts.Password(
                **common,
                entering=entering_of(tx),
                forgot_url=_forgot_url(tx),
                may_use_passkey=due.may_use_passkey,
                again=_is_signed_in(tx),
            )
        case steps.SecondFactor():
            return _second_factor(tx, due, common)
        case steps.LostFactor():
            return contexts.LostFactor(
                **common,
                entering=entering_of(tx, due.tenant_name or ""),
                tenant_name=due.tenant_name or "",
                recovery_codes=due.recovery_codes,
                helper=due.helper,
                asked=due.asked,
                reason=_typed("reason"),
                contact=_typed("contact"),
            )
        case steps.Enroll():
            return _enroll(tx, due, common)
        case steps.RecoveryCodes():
            return contexts.RecoveryCodes(
                **common,
                entering=entering_of(tx, tenant_name),
                progress=contexts.Progress(position=3, total=3),
                codes=due.codes,
            )
        case steps.ChooseTenant():
            return contexts.ChooseTenant(
                **common,
                entering=entering_of(tx),
                tenants=tuple(
                    contexts.TenantChoice(
                        customer_number=option.customer_number,
                        name=option.tenant_name,
                        role=option.role,
                    )
                    for option in due.options
                ),
            )
        case steps.Register() | steps.VerifyEmail():
            return _new_account(tx, due, common)
        case steps.InvitationGone():
            return contexts.InvitationInvalid(reason="used", tenant_name=due.tenant_name)
        case steps.Waiting() | steps.Locked() | steps.NotBooked() | steps.NoCompany():
            return _halt(tx, due, common)
        case steps.NoAllowedFactor():
            return contexts.NoAllowedFactor(
                **common,
                entering=entering_of(tx),
                tenant_name=due.tenant_name or "",
                reason=due.reason,
                deadline=due.deadline,
                may_postpone=due.may_postpone,
                may_cancel=_may_cancel(tx),
            )
        case steps.Activate():
            return contexts.Activate(
                **common,
                entering=entering_of(tx),
                tenant_names=due.tenant_names,
                may_postpone=due.may_postpone,
                deadline=due.deadline,
            )
        case steps.StillLocal():
            return contexts.StillLocal(
                **{**common, "email": due.email},
                entering=entering_of(tx),
                may_cancel=_may_cancel(tx),
                tenant_names=due.tenant_names,
            )
        case steps.Join() | steps.Postponed() | steps.Finished():
            raise AssertionError(f"{due.name} has no page")
        case _:
            assert_never(due)


def _shown(errors: Mapping[str, str], due: steps.Step) -> dict[str, str]:
    """The errors at the fields that the page has; what belongs to none of them stands on top."""
    shown = {field: code for field, code in errors.items() if field != "retry_after"}
    if (refused := shown.pop("credential", None)) is not None:
        shown[""] = refused
    if shown.get("code") in _NOT_SENT or ("code" in shown and not _asks_for_code(due)):
        shown[""] = shown.pop("code")
    if isinstance(due, steps.SecondFactor):
        if due.selected is Factor.RECOVERY_CODE and shown.get("code") == "code-invalid":
            shown["code"] = "recovery-code-invalid"
        if due.unsent:
            shown.setdefault("", due.unsent)
    return shown


def _asks_for_code(due: steps.Step) -> bool:
    match due:
        case steps.SecondFactor():
            return due.selected is not Factor.WEBAUTHN
        case steps.Enroll():
            return due.selected is Factor.TOTP or bool(due.destination)
        case _:
            return True


def _second_factor(
    tx: LoginTransaction, due: steps.SecondFactor, common: dict[str, Any]
) -> contexts.Page:
    """The way that is shown, and the others: by their names once one of them was asked for."""
    return contexts.SecondFactor(
        **common,
        entering=entering_of(tx, due.tenant_name or ""),
        factor=_key(due.selected),
        others=tuple(
            contexts.Way(
                factor=_key(factor),
                destination=due.destinations.get(factor, ""),
                is_next=factor is due.following,
            )
            for factor in due.others
        ),
        listing=due.listing or bool(due.unsent) or "factor-stopped" in common["errors"].values(),
        destination=due.destinations.get(due.selected, ""),
        unsent=bool(due.unsent),
        outbox_url=_kept_at(due.selected),
        passkey=due.passkey if due.selected is Factor.WEBAUTHN else None,
        remember_days=due.remember_days,
        remember_checked=tx.remember_device or _typed("remember_device") == "1",
        reason="fresh" if due.reason == "request" and not tx.client else due.reason,
        recovery_codes_left=_recovery_codes_left(tx),
    )


def _enroll(tx: LoginTransaction, due: steps.Enroll, common: dict[str, Any]) -> contexts.Page:
    """The factor being set up; a passkey stands beside the app, where it would do as well."""
    beside = due.passkey is not None and due.selected is Factor.TOTP
    shown = {due.selected} | ({Factor.WEBAUTHN} if beside else set())
    return contexts.Enroll(
        **common,
        entering=entering_of(tx, due.tenant_name or ""),
        factor=_key(due.selected),
        others=_ways(factor for factor in due.factors if factor not in shown),
        qr=qr_svg(due.uri) if due.uri else Markup(),
        secret=due.secret,
        otpauth_uri=due.uri,
        passkey=due.passkey if Factor.WEBAUTHN in shown else None,
        destination=due.destination,
        phone_number=_typed("phone_number"),
        outbox_url=_kept_at(due.selected) if due.destination else "",
        reason="client" if due.reason == "request" else due.reason,
        tenant_name=due.tenant_name or "",
        since=due.since,
        # Without days of grace it ended as it began: the day is said once.
        deadline=due.deadline if _has_grace(due) else None,
        progress=contexts.Progress(position=2, total=3 if due.recovery else 2),
        may_postpone=due.may_postpone,
    )


def _has_grace(due: steps.Enroll) -> bool:
    return not (due.since and due.deadline) or due.deadline - due.since >= _GRACE


def _new_account(
    tx: LoginTransaction, due: steps.Register | steps.VerifyEmail, common: dict[str, Any]
) -> contexts.Page:
    """Names and password, then the code that was mailed."""
    common = {**common, "email": due.email, "entering": entering_of(tx)}
    if isinstance(due, steps.VerifyEmail):
        return contexts.VerifyEmail(
            **common,
            progress=contexts.Progress(position=2, total=2),
            minutes=http.services().settings.lifetimes.email_code // 60,
            invited=tx.invitation is not None,
            outbox_url=http.outbox_url(),
        )
    return contexts.Register(
        **common,
        progress=contexts.Progress(position=1, total=2),
        tenant_name=due.tenant_name,
        given_name=request.form.get("given_name", due.given_name),
        family_name=request.form.get("family_name", due.family_name),
        unknown=tx.address == "unknown" and not tx.registering,
        terms_uri=http.services().settings.accounts.terms_uri,
        terms="terms" in request.form,
    )


def _halt(
    tx: LoginTransaction,
    due: steps.Waiting | steps.Locked | steps.NotBooked | steps.NoCompany,
    common: dict[str, Any],
) -> contexts.Page:
    """A page that says why the sign-in cannot go on now, and what to do."""
    common = {**common, "entering": entering_of(tx), "may_cancel": _may_cancel(tx)}
    match due:
        case steps.Waiting():
            return contexts.Waiting(**common, tenant_name=due.tenant_name)
        case steps.Locked():
            return contexts.Locked(**common, tenant_name=due.tenant_name or "")
        case steps.NotBooked():
            return contexts.NotBooked(
                **common,
                tenant_name=due.tenant_name,
                product_name=product_name(due.product),
                is_admin=due.is_admin,
            )
        case steps.NoCompany():
            common["product_name"] = product_name(due.product or "")
            common["tenant_names"] = due.still_local
            if not due.may_join:
                return contexts.NoCompany(**common)
            typed = _typed("customer_number")
            return contexts.JoinCompany(**common, customer_number=typed or "0")


def _ways(factors: Iterable[Factor]) -> tuple[contexts.Way, ...]:
    return tuple(contexts.Way(factor=_key(factor)) for factor in factors)


def _key(factor: Factor) -> FactorKey:
    return cast(FactorKey, factor.value)


def _typed(field: str) -> str:
    """What was typed into a field of the form that is being answered."""
    return request.form.get(field, "")


def _kept_at(factor: Factor) -> str:
    """Where a code that was sent can be read on a loopback issuer without a gateway."""
    match factor:
        case Factor.SMS:
            return http.outbox_url("sms")
        case Factor.VOICE:
            return http.outbox_url("voice")
        case Factor.EMAIL:
            return http.outbox_url("mail")
        case _:
            return ""


def _forgot_url(tx: LoginTransaction) -> str:
    return f"/password/forgot?login={tx.id}"


def _may_register(tx: LoginTransaction) -> bool:
    return tx.invitation is None and http.services().settings.accounts.registration


def _may_cancel(tx: LoginTransaction) -> bool:
    return tx.destination.get("kind") == "authorize"


def _is_signed_in(tx: LoginTransaction) -> bool:
    return tx.subject is not None and tx.subject == tx.base_subject


def _recovery_codes_left(tx: LoginTransaction) -> int | None:
    """How many are left, when that is few; None when nothing has to be said."""
    person = http.services().persons.load(tx.subject) if tx.subject else None
    left = person.recovery_codes_left if person else 0
    return left if 0 < left <= _LATER_SAID else None


def _minutes(retry_after: str | None) -> int:
    return max(1, -(-int(retry_after or 60) // 60))
