"""``idp person bypass``, ``revoke-bypass``, ``remind``: a person's way to a second factor."""

import click

from idp.cli.company import CLI, changes_person
from idp.cli.context import services
from idp.people.members.listing import MemberRow
from idp.people.rollout.service import BYPASS_HOURS
from idp.tenants.models import Tenant


@click.command()
@changes_person(
    click.option("--hours", type=click.IntRange(BYPASS_HOURS[0], BYPASS_HOURS[-1]), default=24),
    click.option("--reason", required=True, help="For the change log."),
)
def bypass(tenant: Tenant, row: MemberRow, hours: int, reason: str) -> str:
    """Let one sign-in of a person do without the second factor."""
    until = services().rollout.grant_bypass(tenant.id, CLI, row.membership_id, hours, reason)
    return f"{row.email} may sign in once without, until {until.isoformat(timespec='minutes')}"


@click.command("revoke-bypass")
@changes_person()
def revoke_bypass(tenant: Tenant, row: MemberRow) -> str:
    """Take a bypass back; without one nothing happens."""
    services().rollout.revoke_bypass(tenant.id, CLI, row.membership_id)
    return f"{row.email} has no bypass"


@click.command()
@changes_person()
def remind(tenant: Tenant, row: MemberRow) -> str:
    """Remind a person of the second factor that the policy demands; not twice a day."""
    count = services().rollout.remind(tenant.id, CLI, row.membership_id)
    return (
        f"{row.email} is reminded" if count else f"{row.email}: nothing to remind of, or just done"
    )
