"""``idp operator``: who runs the platform."""

import click

from idp.accounts.errors import UnknownAccount
from idp.cli.context import answer, json_option, refuses, services


@click.group()
def operator() -> None:
    """Give and take the operator right."""


@operator.command()
@click.argument("email")
@json_option
@refuses(UnknownAccount)
def grant(email: str, as_json: bool) -> None:
    """Make an account a platform operator."""
    _set(email, True, as_json)


@operator.command()
@click.argument("email")
@json_option
@refuses(UnknownAccount)
def revoke(email: str, as_json: bool) -> None:
    """Take the right away."""
    _set(email, False, as_json)


def _set(email: str, wanted: bool, as_json: bool) -> None:
    accounts = services().accounts
    found = accounts.find_by_email(email)
    if found is None:
        raise UnknownAccount
    accounts.set_operator(found.id, wanted, actor="cli")
    text = f"{found.email} is {'now an' if wanted else 'no longer an'} operator"
    answer({"email": found.email, "operator": wanted}, as_json, text)
