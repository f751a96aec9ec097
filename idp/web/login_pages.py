"""The page of each step of the login, from the step's value.

A new step needs a case here and a context in ``contexts``; the type checker insists on both.
"""

from collections.abc import Mapping
from typing import Any, assert_never

from flask import request

from idp.authn import step as steps
from idp.authn.transaction import LoginTransaction
from idp.core.vocabulary import Factor
from idp.tenants.catalogue import product_name
from idp.web import contexts, http
from idp.web.entering import entering_of
from idp.web.qr import qr_svg


def login_page(
    tx: LoginTransaction, due: steps.Step, errors: Mapping[str, str], *, tenant_name: str = ""
) -> contexts.Page:
    """The page of a step; ``tenant_name``: the company being entered, once it is settled."""
    common: dict[str, Any] = {
        "errors": {field: code for field, code in errors.items() if field != "retry_after"},
        "error_values": {"minutes": _minutes(errors.get("retry_after"))},
        "email": tx.email,
    }
    match due:
        case steps.Identify():
            typed = request.form.get("email", "").strip()
            return contexts.Identify(
                **{**common, "email": typed if errors and typed else due.email},
                entering=entering_of(tx),
                forgot_url=f"/password/forgot?login={tx.id}",
            )
        case steps.Password():
            return contexts.Password(
                **common,
                entering=entering_of(tx),
                forgot_url=f"/password/forgot?login={tx.id}",
                again=tx.subject is not None and tx.subject == tx.base_subject,
            )
        case steps.SecondFactor():
            if due.selected is Factor.RECOVERY_CODE and errors.get("code") == "code-invalid":
                common["errors"]["code"] = "recovery-code-invalid"
            return contexts.SecondFactor(
                **common,
                entering=entering_of(tx, due.tenant_name or ""),
                factor="totp" if due.selected is Factor.TOTP else "recovery_code",
                has_other_factor=len(due.options) > 1,
                remember_days=due.remember_days,
                remember_checked=tx.remember_device,
                reason="fresh" if due.reason == "request" else due.reason,
            )
        case steps.Enroll():
            return contexts.Enroll(
                **common,
                entering=entering_of(tx, due.tenant_name or ""),
                qr=qr_svg(due.uri),
                secret=due.secret,
                otpauth_uri=due.uri,
                reason="client" if due.reason == "request" else due.reason,
                tenant_name=due.tenant_name or "",
                since=due.since,
                deadline=due.deadline if due.deadline != due.since else None,
                progress=contexts.Progress(position=2, total=3),
                may_postpone=due.may_postpone,
            )
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
        case steps.Register():
            return contexts.Register(
                **{**common, "email": due.email},
                tenant_name=due.tenant_name,
                given_name=request.form.get("given_name", due.given_name),
                family_name=request.form.get("family_name", due.family_name),
            )
        case steps.VerifyEmail():
            return contexts.VerifyEmail(
                **{**common, "email": due.email},
                minutes=http.services().settings.lifetimes.email_code // 60,
                outbox_url=http.outbox_url(),
            )
        case steps.InvitationGone():
            return contexts.InvitationInvalid(reason="used", tenant_name=due.tenant_name)
        case steps.Waiting() | steps.Locked() | steps.NotBooked() | steps.NoCompany():
            return _halt(tx, due, common)
        case steps.NoAllowedFactor():
            return contexts.NoAllowedFactor(
                **common, entering=entering_of(tx), tenant_name=due.tenant_name or ""
            )
        case steps.Join() | steps.Finished():
            raise AssertionError(f"{due.name} has no page")
        case _:
            assert_never(due)


def _halt(
    tx: LoginTransaction,
    due: steps.Waiting | steps.Locked | steps.NotBooked | steps.NoCompany,
    common: dict[str, Any],
) -> contexts.Page:
    """A page that says why the sign-in cannot go on now, and what to do."""
    entering = entering_of(tx)
    may_cancel = tx.destination.get("kind") == "authorize"
    match due:
        case steps.Waiting():
            return contexts.Waiting(
                **common, entering=entering, tenant_name=due.tenant_name, may_cancel=may_cancel
            )
        case steps.Locked():
            return contexts.Locked(
                **common,
                entering=entering,
                tenant_name=due.tenant_name or "",
                may_cancel=may_cancel,
            )
        case steps.NotBooked():
            return contexts.NotBooked(
                **common,
                entering=entering,
                tenant_name=due.tenant_name,
                product_name=product_name(due.product),
                is_admin=due.is_admin,
                may_cancel=may_cancel,
            )
        case steps.NoCompany():
            return contexts.NoCompany(
                **common,
                entering=entering,
                product_name=product_name(due.product or ""),
                may_cancel=may_cancel,
            )


def _minutes(retry_after: str | None) -> int:
    return max(1, -(-int(retry_after or 60) // 60))
