"""``idp policy``: a company's MFA policy."""

from typing import Any

import click

from idp.cli.context import answer, json_option, refuses, services
from idp.core.person import Policy
from idp.tenants.errors import UnknownTenant
from idp.tenants.policy import MODES, InvalidPolicy


@click.group()
def policy() -> None:
    """Show and set a company's MFA policy."""


def _described(customer_number: str, found: Policy) -> dict[str, Any]:
    return {
        "customer_number": customer_number,
        "mfa": found.mfa,
        "factors": [str(factor) for factor in found.factors],
        "grace_days": found.grace_days,
        "remember_days": found.remember_days,
        "changed_at": found.changed_at.isoformat() if found.changed_at else None,
    }


def _print(data: dict[str, Any], as_json: bool) -> None:
    lines = (
        f"Company:           {data['customer_number']}",
        f"Second factor:     {data['mfa']}",
        f"Factors:           {', '.join(data['factors'])}",
        f"Grace:             {data['grace_days']} days",
        f"Remembered device: {data['remember_days']} days",
        *([f"Bound people:      {data['bound']}"] if "bound" in data else []),
        *([f"Without a factor:  {data['without_factor']}"] if "bound" in data else []),
    )
    answer(data, as_json, "\n".join(lines))


@policy.command()
@click.argument("customer_number")
@json_option
@refuses(UnknownTenant)
def show(customer_number: str, as_json: bool) -> None:
    """Show the policy, whom it binds, and how many of those have nothing enrolled."""
    tenants = services().tenants
    tenant = tenants.get_by_customer_number(customer_number)
    found = tenants.policy(tenant.id)
    now = tenants.policy_forecast(tenant.id, found)
    data = _described(tenant.customer_number, found)
    _print(data | {"bound": now.bound, "without_factor": now.without_factor}, as_json)


@policy.command("set")
@click.argument("customer_number")
@click.option("--mfa", type=click.Choice(MODES), help="Whom it binds.")
@click.option("--factors", help="Allowed factors: totp,webauthn,sms,voice,email.")
@click.option("--grace-days", type=int, help="Days until a newly bound member must have enrolled.")
@click.option("--remember-days", type=int, help="Days a device may skip the second factor.")
@json_option
@refuses(UnknownTenant, InvalidPolicy)
def set_(
    customer_number: str,
    mfa: str | None,
    factors: str | None,
    grace_days: int | None,
    remember_days: int | None,
    as_json: bool,
) -> None:
    """Change what is given; the rest stays."""
    tenants = services().tenants
    tenant = tenants.get_by_customer_number(customer_number)
    changed = tenants.set_policy(
        tenant.id,
        mfa=mfa,
        factors=None if factors is None else [name.strip() for name in factors.split(",")],
        grace_days=grace_days,
        remember_days=remember_days,
        actor="cli",
    )
    _print(_described(tenant.customer_number, changed), as_json)
