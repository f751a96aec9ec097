"""``idp account delete``."""

import click

from idp.accounts.errors import UnknownAccount
from idp.cli.context import answer, json_option, refuses, services
from idp.people.actors import Actor
from idp.people.members.leaving import LastAdminOf, OperatorStays


@click.command("delete")
@click.argument("email")
@json_option
@refuses(UnknownAccount, LastAdminOf, OperatorStays)
def delete(email: str, as_json: bool) -> None:
    """Delete an account for good, with everything in it; the address is free again."""
    found = services().accounts.find_by_email(email)
    if found is None:
        raise UnknownAccount
    subject = found.subject
    services().leaving.delete(found.id, Actor.command_line())
    answer({"deleted": subject}, as_json, "Deleted.")
