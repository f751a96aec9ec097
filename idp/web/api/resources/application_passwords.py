"""Application passwords of a company's members, and its rule for them."""

from typing import Annotated

from msgspec import Meta

from idp.core.vocabulary import ManagementScope
from idp.web.api.problems import Problem
from idp.web.api.resources.fields import STRICT, Id, Moment, Wire
from idp.web.api.table import Call, operation
from idp.web.http import services

_HERE = "/companies/{number}/application-passwords"
_RULE = "/companies/{number}/application-password-rule"


class ApplicationPassword(Wire):
    """One that a member has made for a product; the password itself is known to nobody."""

    id: str
    person_id: str
    name: str
    email: str
    product: str
    comment: str
    created_at: Moment
    last_used_at: Moment | None
    last_used_ip: str


class ApplicationPasswords(Wire):
    """A page, the newest first."""

    items: list[ApplicationPassword]
    next: str | None


class ApplicationPasswordsQuery(Wire, **STRICT):
    """Where the page begins."""

    after: Annotated[Id, Meta(description="What `next` of the page before says.")] | None = None


class ApplicationPasswordRule(Wire, **STRICT):
    """Whether the company allows them, and for how many days (null: no bound)."""

    allowed: bool
    days: Annotated[int, Meta(ge=1, le=3650)] | None


@operation("GET", _HERE, scope=ManagementScope.PEOPLE_READ)
def list_application_passwords(
    call: Call, query: ApplicationPasswordsQuery
) -> ApplicationPasswords:
    """List the members' application passwords, 50 a page."""
    page = services().app_password_rules.list(
        call.at.tenant_id, call.access.actor, query.after or ""
    )
    rows = [
        ApplicationPassword(
            id=row.id,
            person_id=row.membership_id,
            name=row.name,
            email=row.email,
            product=row.product,
            comment=row.comment,
            created_at=row.created_at,
            last_used_at=row.last_used_at,
            last_used_ip=row.last_used_ip,
        )
        for row in page.rows
    ]
    return ApplicationPasswords(rows, page.after or None)


@operation("DELETE", f"{_HERE}/{{password_id}}", scope=ManagementScope.PEOPLE_WRITE)
def revoke_application_password(call: Call, password_id: str) -> None:
    """End an application password at once. Once more answers 404."""
    rules = services().app_password_rules
    if not rules.revoke(call.at.tenant_id, call.access.actor, password_id):
        raise Problem(404, "There is no such application password in this company.")


@operation("GET", _RULE, scope=ManagementScope.POLICY_READ)
def show_application_password_rule(call: Call) -> ApplicationPasswordRule:
    """Show what the company allows."""
    rule = services().app_password_rules.rule_of(call.at.tenant_id)
    return ApplicationPasswordRule(allowed=rule.allowed, days=rule.days)


@operation("PUT", _RULE, scope=ManagementScope.POLICY_WRITE, fresh=True)
def set_application_password_rule(
    call: Call, body: ApplicationPasswordRule
) -> ApplicationPasswordRule:
    """Allow or forbid them and bound their age; it holds for those there are as well."""
    services().app_password_rules.set_rule(
        call.at.tenant_id, call.access.actor, body.allowed, body.days
    )
    return body
