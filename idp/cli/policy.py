"""``idp policy``: a company's MFA policy."""

from dataclasses import asdict
from typing import Any

import click

from idp.cli.company import CLI, company, customer_number, member
from idp.cli.context import answer, json_option, refuses, rows, services
from idp.core.person import Policy
from idp.people.rollout.doors import doors_of, offered_clients
from idp.people.rollout.forecast import Stages
from idp.tenants.errors import UnknownMembership, UnknownTenant
from idp.tenants.models import Tenant
from idp.tenants.policy import MODES, InvalidPolicy, build_policy

LEVELS = {"none": 1, "2fa": 2, "phr": 3}
"""What a company can demand for a client, as the acr level."""
_LEVEL_NAMES = {level: name for name, level in LEVELS.items()}


@click.group()
def policy() -> None:
    """Show and set a company's MFA policy."""


def _described(customer_number: str, found: Policy) -> dict[str, Any]:
    return {
        "customer_number": customer_number,
        "mfa": found.mfa,
        "factors": [str(factor) for factor in found.factors],
        "phishing_resistant_only": found.phishing_resistant_only,
        "grace_days": found.grace_days,
        "remember_days": found.remember_days,
        "client_minimums": {
            client_id: _LEVEL_NAMES[level] for client_id, level in found.client_minimums
        },
        "changed_at": found.changed_at.isoformat() if found.changed_at else None,
    }


def _print(data: dict[str, Any], as_json: bool) -> None:
    minimums = data["client_minimums"].items()
    lines = (
        f"Company:           {data['customer_number']}",
        f"Second factor:     {data['mfa']}",
        f"Factors:           {', '.join(data['factors'])}",
        *(["Counts only:       webauthn"] if data["phishing_resistant_only"] else []),
        f"Grace:             {data['grace_days']} days",
        f"Remembered device: {data['remember_days']} days",
        *(f"Client minimum:    {client_id} {level}" for client_id, level in minimums),
        *([f"Bound people:      {data['bound']}"] if "bound" in data else []),
        *([f"Without a factor:  {data['without_factor']}"] if "bound" in data else []),
        *([f"Newly bound:       {data['newly_bound']}"] if "newly_bound" in data else []),
        *([f"Released:          {data['released']}"] if "released" in data else []),
    )
    answer(data, as_json, "\n".join(lines))


@policy.command()
@customer_number
@json_option
@refuses(UnknownTenant)
def show(customer_number: str, as_json: bool) -> None:
    """Show the policy, whom it binds, and how many of those have nothing enrolled."""
    everything = services()
    tenant = company(customer_number)
    found = everything.tenants.policy(tenant.id)
    now = everything.rollout.forecast(tenant.id, found)
    data = _described(tenant.customer_number, found)
    _print(data | {"bound": now.bound, "without_factor": now.without_factor}, as_json)


@policy.command("set")
@customer_number
@click.option("--mfa", type=click.Choice(MODES), help="Whom it binds.")
@click.option("--factors", help="Allowed factors: totp,webauthn,sms,voice,email.")
@click.option(
    "--phishing-resistant/--no-phishing-resistant",
    "phishing_resistant_only",
    default=None,
    help="Only passkeys and security keys count.",
)
@click.option("--grace-days", type=int, help="Days until a newly bound member must have enrolled.")
@click.option("--remember-days", type=int, help="Days a device may skip the second factor.")
@click.option(
    "--client-minimum",
    "client_minimums",
    multiple=True,
    metavar="CLIENT=2fa|phr|none",
    help="What one client demands of this company's people. May be given several times.",
)
@click.option(
    "--select",
    "selected",
    multiple=True,
    metavar="EMAIL|ID",
    help="Exactly these, for --mfa selected; repeatable.",
)
@click.option(
    "--groups",
    nargs=2,
    type=int,
    metavar="SIZE DAYS",
    help="Newly bound people one group after the other.",
)
@click.option("--forecast", "only_look", is_flag=True, help="Say what it would do; change nothing.")
@json_option
@refuses(UnknownTenant, UnknownMembership, InvalidPolicy)
def set_(
    customer_number: str,
    mfa: str | None,
    factors: str | None,
    phishing_resistant_only: bool | None,
    grace_days: int | None,
    remember_days: int | None,
    client_minimums: tuple[str, ...],
    selected: tuple[str, ...],
    groups: tuple[int, int] | None,
    only_look: bool,
    as_json: bool,
) -> None:
    """Change what is given; the rest stays."""
    everything = services()
    tenant = company(customer_number)
    minimums = dict(everything.tenants.policy(tenant.id).client_minimums)
    for given in client_minimums:
        client_id, level = _client_minimum(given)
        if level > 1 and everything.clients.find(client_id) is None:
            raise InvalidPolicy("client_minimums", "client-unknown", f"no client {client_id}")
        minimums[client_id] = level
    changes: dict[str, Any] = {
        "mfa": mfa,
        "factors": None if factors is None else [name.strip() for name in factors.split(",")],
        "phishing_resistant_only": phishing_resistant_only,
        "grace_days": grace_days,
        "remember_days": remember_days,
        "client_minimums": minimums if client_minimums else None,
    }
    whom: dict[str, Any] = {
        "selected": [member(tenant, one).membership_id for one in selected] or None,
        "stages": Stages(*groups) if groups else None,
    }
    if only_look:
        _print(_forecast(tenant, changes, whom), as_json)
        return
    changed = everything.rollout.save(tenant.id, CLI, **changes, **whom)
    _print(_described(tenant.customer_number, changed), as_json)


def _forecast(tenant: Tenant, changes: dict[str, Any], whom: dict[str, Any]) -> dict[str, Any]:
    tenants, rollout = services().tenants, services().rollout
    current = tenants.policy(tenant.id)
    wanted = build_policy(current, available=tenants.available_factors, **changes)
    offered = offered_clients(services().clients, tenants, tenant.id)
    found = rollout.forecast(tenant.id, wanted, **whom, doors=doors_of(offered, wanted))
    last = found.last_deadline
    return _described(tenant.customer_number, wanted) | {
        "bound": found.bound,
        "without_factor": found.without_factor,
        "newly_bound": found.newly_bound,
        "released": found.released,
        "last_deadline": last.isoformat() if last else None,
        "clients": [asdict(client) for client in found.clients],
    }


@policy.command()
@customer_number
@json_option
@refuses(UnknownTenant)
def remind(customer_number: str, as_json: bool) -> None:
    """Remind whoever is bound and has nothing set up; nobody more than once a day."""
    count = services().rollout.remind(company(customer_number).id, CLI)
    answer({"reminded": count}, as_json, f"Reminded: {count}")


@policy.command()
@customer_number
@json_option
@refuses(UnknownTenant)
def progress(customer_number: str, as_json: bool) -> None:
    """Show how far the policy has come week by week, and who is missing."""
    tenant = company(customer_number)
    found = services().rollout.progress(tenant.id)
    data = {
        "weeks": [asdict(week) for week in found.weeks],
        "missing": [asdict(one) for one in found.missing],
    }
    columns = {"name": "Name", "email": "E-mail", "deadline": "Until", "reminded_at": "Reminded"}
    answer(data, as_json, lambda: rows(f"Missing in {tenant.name}", columns, data["missing"]))


def _client_minimum(text: str) -> tuple[str, int]:
    client_id, _, level = text.rpartition("=")
    if not client_id or level not in LEVELS:
        raise click.BadParameter(
            f"{text!r} is not CLIENT=2fa, CLIENT=phr or CLIENT=none",
            param_hint="--client-minimum",
        )
    return client_id, LEVELS[level]
