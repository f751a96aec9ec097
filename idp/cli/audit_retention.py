"""``idp audit retention``: how long a company keeps its change log."""

import click

from idp.cli.company import CLI, company, customer_number
from idp.cli.context import answer, json_option, refuses, services
from idp.people.log.settings import RetentionInvalid
from idp.tenants.errors import UnknownTenant


@click.command()
@customer_number
@click.option("--days", type=int, help="Keep it that long; what is older goes, and stays provable.")
@click.option("--ever", is_flag=True, help="Keep it for ever.")
@json_option
@refuses(UnknownTenant, RetentionInvalid)
def retention(customer_number: str, days: int | None, ever: bool, as_json: bool) -> None:
    """Show how long the change log is kept, or change it."""
    if ever and days is not None:
        raise click.UsageError("give --days or --ever")
    tenant, settings = company(customer_number), services().log_settings
    if ever or days is not None:
        settings.set_retention(tenant.id, CLI, days)
    kept = settings.retention_of(tenant.id)
    answer({"days": kept}, as_json, "for ever" if kept is None else f"for {kept} days")
