"""``idp app-password``: what a company allows of them, who has made some, and their end."""

from typing import Any

import click

from idp.cli.company import CLI, company, customer_number
from idp.cli.context import answer, json_option, refuse, refuses, rows, services
from idp.people.actors import Refused
from idp.tenants.errors import UnknownTenant


@click.group(name="app-password")
def app_password() -> None:
    """Application passwords of a company's people."""


@app_password.command("list")
@customer_number
@json_option
@refuses(UnknownTenant)
def list_them(customer_number: str, as_json: bool) -> None:
    """Whose they are, for what, and when each was last used; never the password."""
    tenant = company(customer_number)
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        page = services().app_password_rules.list(tenant.id, CLI, after)
        found += [
            {
                "id": one.id,
                "email": one.email,
                "product": one.product,
                "comment": one.comment,
                "created_at": one.created_at.isoformat(timespec="seconds"),
                "last_used_at": one.last_used_at.isoformat(timespec="seconds")
                if one.last_used_at
                else None,
                "last_used_ip": one.last_used_ip or None,
            }
            for one in page.rows
        ]
        after = page.after
        if not after:
            break
    columns = {
        "id": "Id",
        "email": "E-mail",
        "product": "Product",
        "comment": "Comment",
        "last_used_at": "Last used",
    }
    answer(found, as_json, lambda: rows("Application passwords", columns, found))


@app_password.command()
@customer_number
@click.argument("app_password_id")
@json_option
@refuses(UnknownTenant)
def revoke(customer_number: str, app_password_id: str, as_json: bool) -> None:
    """End one at once."""
    tenant = company(customer_number)
    rules = services().app_password_rules
    if not rules.revoke(tenant.id, CLI, app_password_id):
        refuse("there is no such application password in this company")
    answer({"revoked": app_password_id}, as_json, "Ended.")


@app_password.command()
@customer_number
@click.option("--allow/--forbid", default=None, help="Whether people may make and use them.")
@click.option("--days", type=int, help="How old one may get; 0 for no bound.")
@json_option
@refuses(UnknownTenant, Refused)
def policy(customer_number: str, allow: bool | None, days: int | None, as_json: bool) -> None:
    """Show what the company allows, or change it."""
    tenant = company(customer_number)
    rules = services().app_password_rules
    rule = rules.rule_of(tenant.id)
    if allow is not None or days is not None:
        rules.set_rule(
            tenant.id,
            CLI,
            rule.allowed if allow is None else allow,
            rule.days if days is None else days or None,
        )
        rule = rules.rule_of(tenant.id)
    said = "allowed" if rule.allowed else "forbidden"
    bound = f", for {rule.days} days at most" if rule.days else ""
    answer({"allowed": rule.allowed, "days": rule.days}, as_json, f"{said}{bound}")
