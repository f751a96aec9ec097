"""The ``idp`` command: nouns and verbs over the same services the pages use.

Every command takes ``--json``. Exit status 0: done; 1: refused, with the reason; 2: wrong usage.
Modules are imported only when their noun is used, so ``idp --help`` and ``idp serve`` start fast.
"""

import importlib

import click

_COMMANDS = {
    "account": "idp.cli.account:account",
    "activation": "idp.cli.activation:activation",
    "app-password": "idp.cli.app_password:app_password",
    "audit": "idp.cli.audit:audit",
    "backup": "idp.cli.backup:backup",
    "case": "idp.cli.case:case",
    "catalogue": "idp.cli.catalogue:catalogue",
    "client": "idp.cli.client:client",
    "config": "idp.cli.system:config",
    "delivery": "idp.cli.delivery:delivery",
    "demo": "idp.cli.demo:demo",
    "doctor": "idp.cli.doctor:doctor",
    "invitation": "idp.cli.invitation:invitation",
    "import": "idp.cli.import_:import_",
    "keys": "idp.cli.keys:keys",
    "migrate": "idp.cli.system:migrate",
    "operator": "idp.cli.operator:operator",
    "person": "idp.cli.person:person",
    "policy": "idp.cli.policy:policy",
    "request": "idp.cli.request:request",
    "restore": "idp.cli.backup:restore",
    "serve": "idp.cli.serve:serve",
    "tenant": "idp.cli.tenant:tenant",
    "token": "idp.cli.token:token",
}


class _Lazy(click.Group):
    """A group that imports a command's module when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        target = _COMMANDS.get(cmd_name)
        if target is None:
            return None
        module, _, attribute = target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run and manage an Einlass identity provider."""
