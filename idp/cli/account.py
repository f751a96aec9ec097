"""``idp account``: people's accounts."""

import sys
from typing import Any

import click

from idp.accounts.errors import UnknownAccount
from idp.accounts.models import Account
from idp.cli.account_delete import delete
from idp.cli.context import answer, json_option, refuses, services
from idp.infra.throttle import Throttled
from idp.people.actors import Actor, Refused
from idp.tenants.errors import UnknownTenant
from idp.tenants.memberships import ROLES


@click.group()
def account() -> None:
    """Create, change and lock accounts."""


def _get(email: str) -> Account:
    found = services().accounts.find_by_email(email)
    if found is None:
        raise UnknownAccount
    return found


def _described(found: Account) -> dict[str, Any]:
    person = services().persons.load(found.subject)
    if person is None:
        raise UnknownAccount
    return {
        "sub": person.subject,
        "status": person.status,
        "operator": person.is_operator,
        "claims": dict(person.claims),
        "second_factors": sorted(person.enrolled),
        "recovery_codes_left": person.recovery_codes_left,
        "memberships": [
            {
                "customer_number": one.customer_number,
                "name": one.tenant_name,
                "role": one.role,
                "status": one.status,
                "permissions": list(one.permissions),
                "products": list(one.products),
            }
            for one in person.memberships
        ],
        "last_sign_in_at": found.last_sign_in_at.isoformat() if found.last_sign_in_at else None,
    }


def _lines(data: dict[str, Any]) -> str:
    memberships = [
        f"  {one['customer_number']} {one['name']}: {one['role']}, {one['status']}"
        for one in data["memberships"]
    ]
    return "\n".join(
        [
            f"{data['claims']['email']} ({data['status']}{', operator' * data['operator']})",
            f"sub: {data['sub']}",
            *(f"{name}: {value}" for name, value in data["claims"].items()),
            f"second factors: {', '.join(data['second_factors']) or 'none'}",
            f"recovery codes left: {data['recovery_codes_left']}",
            "memberships:" if memberships else "memberships: none",
            *memberships,
        ]
    )


@account.command()
@click.argument("email")
@click.option("--given-name", required=True)
@click.option("--family-name", required=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--invite", is_flag=True, help="Mail a link instead of setting a password.")
@click.option("--tenant", "customer_number", help="Customer number of the company to join.")
@click.option("--role", type=click.Choice(ROLES), help="Role there; employee unless given.")
@click.option("--locale", default="en", show_default=True, help="Language of mail: en or de.")
@json_option
@refuses(ValueError, UnknownTenant, Refused, Throttled)
def create(
    email: str,
    given_name: str,
    family_name: str,
    password_stdin: bool,
    invite: bool,
    customer_number: str | None,
    role: str | None,
    locale: str,
    as_json: bool,
) -> None:
    """Create an account whose e-mail address counts as verified, and its membership.

    Run again it says that the account exists, adds a membership that is missing, and leaves
    password, names and role as they are (exit 0).
    """
    if password_stdin == invite:
        raise click.UsageError("give either --password-stdin or --invite")
    if role and not customer_number:
        raise click.UsageError("--role needs --tenant")
    found = services()
    tenant = found.tenants.get_by_customer_number(customer_number) if customer_number else None
    existing = found.accounts.find_by_email(email)
    if invite and tenant is not None:
        actor = Actor.command_line()
        found.people.invitations.invite(
            tenant.id, actor, email, given_name, family_name, role or "employee", locale=locale
        )
        answer({"email": email, "invited": True}, as_json, f"Invited {email} to {tenant.name}")
        return
    password = _read_password() if password_stdin else None
    subject = existing or found.accounts.create(
        email,
        given_name=given_name,
        family_name=family_name,
        password=password,
        email_verified=not invite,
        locale=locale,
        actor="cli",
    )
    if invite and existing is None:
        found.accounts.begin_recovery(email, None, locale)
    if tenant is not None:
        member = found.tenants.memberships.find(tenant.id, subject.id)
        if member is None or member.status == "removed":
            found.tenants.memberships.add(
                tenant.id, subject.id, role="admin" if role == "admin" else "employee", actor="cli"
            )
    text = f"{subject.email} exists already" if existing else f"Created {subject.email}"
    answer(_described(_get(email)) | {"created": existing is None}, as_json, text)


def _read_password() -> str:
    text = sys.stdin.readline().rstrip("\r\n")
    if not text:
        raise click.UsageError("--password-stdin: standard input is empty")
    return text


@account.command("set")
@click.argument("email")
@click.argument("claims", nargs=-1, required=True, metavar="CLAIM=VALUE...")
@json_option
@refuses(ValueError, UnknownAccount)
def set_(email: str, claims: tuple[str, ...], as_json: bool) -> None:
    """Set standard claims: given_name=Anna, address.locality=Kiel; an empty value removes."""
    values = {}
    for pair in claims:
        name, equals, value = pair.partition("=")
        if not equals:
            raise click.UsageError(f"write CLAIM=VALUE, not {pair!r}")
        values[name] = value
    changed = services().accounts.set_claims(_get(email).id, values, actor="cli")
    data = _described(changed)
    answer(data, as_json, lambda: click.echo(_lines(data)))


@account.command()
@click.argument("email")
@json_option
@refuses(UnknownAccount)
def show(email: str, as_json: bool) -> None:
    """Show claims, factors and memberships."""
    data = _described(_get(email))
    answer(data, as_json, lambda: click.echo(_lines(data)))


@account.command()
@click.argument("email")
@click.option("--reason", default="", help="For the audit log.")
@json_option
@refuses(UnknownAccount)
def lock(email: str, reason: str, as_json: bool) -> None:
    """End every session and token and let nobody sign in with it."""
    found = _get(email)
    services().people.lock_account(found.id, Actor.command_line(), reason)
    answer({"email": found.email, "status": "locked"}, as_json, f"Locked {found.email}")


@account.command()
@click.argument("email")
@json_option
@refuses(UnknownAccount)
def unlock(email: str, as_json: bool) -> None:
    """Let a locked account sign in again."""
    found = _get(email)
    services().people.unlock_account(found.id, Actor.command_line())
    answer({"email": found.email, "status": "active"}, as_json, f"Unlocked {found.email}")


@account.command("reset-factors")
@click.argument("email")
@click.option("--reason", default="", help="For the audit log.")
@json_option
@refuses(UnknownAccount)
def reset_factors(email: str, reason: str, as_json: bool) -> None:
    """Forget second factors and recovery codes; the person is told by mail."""
    found = _get(email)
    services().people.reset_account_factors(found.id, Actor.command_line(), reason)
    data = {"email": found.email, "second_factors": []}
    answer(data, as_json, f"Second factors of {found.email} are reset")


account.add_command(delete)
