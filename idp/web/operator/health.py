"""What the platform runs on, how it is set, and whether the change logs hold (R2)."""

from flask import Response

from idp.infra.audit import PLATFORM
from idp.people.operators.operations import Verification
from idp.people.operators.parts import Part
from idp.people.operators.watch import versions
from idp.web import contexts
from idp.web.admin.frame import done, me_of
from idp.web.guards import operator
from idp.web.http import check_form, see_other, services
from idp.web.operator import bp
from idp.web.operator.frame import acting, show, typed
from idp.web.operator.imports import hook_rows
from idp.web.signed_in import SignedIn


@bp.get("/operator/health")
def health() -> Response:
    """Parts, settings, versions, checked logs."""
    return _health(operator())


@bp.post("/operator/health")
def verify_log() -> Response:
    """Have a change log checked from end to end."""
    check_form()
    who = operator()
    everything, number = services(), typed("customer_number").strip()
    chain = PLATFORM
    if number:
        tenant = everything.tenants.find_by_customer_number(number)
        if tenant is None:
            errors = {"customer_number": "customer-number-unknown"}
            return _health(who, errors=errors, status=400)
        chain = tenant.id
    everything.operations.ask_to_verify(acting(who), chain)
    return see_other("/operator/health?done=verification-asked#logs")


def _health(
    who: SignedIn, *, errors: dict[str, str] | None = None, status: int | None = None
) -> Response:
    everything = services()
    settings = everything.settings
    context = contexts.Health(
        me=me_of(who.person),
        notice=done(),
        errors=errors or {},
        parts=tuple(map(_part, everything.watch.parts())),
        silent=tuple(hook for hook in hook_rows() if hook.silent_since),
        warnings=tuple(settings.warnings),
        settings=settings.describe(),
        versions=tuple(versions()),
        verified=tuple(map(_verified, everything.operations.verifications())),
        verifying=len(everything.operations.verifying()),
        customer_number=typed("customer_number"),
    )
    return show(who, context, status=status)


def _part(part: Part) -> contexts.HealthPart:
    return contexts.HealthPart(name=part.name, ok=part.ok, detail=part.detail, at=part.seen_at)


def _verified(check: Verification) -> contexts.VerifiedRow:
    tenant = services().directory.find(check.chain) if check.chain != PLATFORM else None
    name = f"{tenant.name} ({tenant.customer_number})" if tenant else ""
    if not tenant and check.chain != PLATFORM:
        name = check.chain
    return contexts.VerifiedRow(
        company=name, at=check.at, problems=check.problems, first=check.first
    )
