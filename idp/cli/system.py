"""``idp migrate`` and ``config``: the schema, and every setting."""

import click

from idp.cli.context import answer, json_option, rows, settings


@click.command()
@json_option
def migrate(as_json: bool) -> None:
    """Bring the database to this release's schema; safe to run twice and while serving."""
    from idp.infra import migrate as migrations

    current = settings()
    before = migrations.current_head(current)
    migrations.upgrade(current)
    after = migrations.expected_head()
    changed = before != after
    if changed and before is not None:
        _fold_names()
    text = f"Migrated from {before or 'empty'} to {after}." if changed else f"Already at {after}."
    answer({"from": before, "to": after, "changed": changed}, as_json, text)


def _fold_names() -> None:
    """What the new schema keeps of names; in portions, so whoever serves meanwhile goes on."""
    from idp.cli.context import services
    from idp.infra.folded import FoldedNames

    services()
    names = FoldedNames()
    while names.fill():
        pass


@click.command()
@json_option
def config(as_json: bool) -> None:
    """Every setting: its value (secrets masked), where it comes from and what it means."""
    current = settings()
    data = [row._asdict() for row in current.describe()]
    columns = {"name": "Setting", "value": "Value", "origin": "From", "meaning": "Meaning"}
    answer(data, as_json, lambda: rows("Settings", columns, data))
