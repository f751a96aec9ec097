"""``idp backup`` and ``idp restore``: the database in one file, and back."""

from pathlib import Path

import click

from idp.cli.context import answer, json_option, refuses, settings
from idp.core.clock import SystemClock
from idp.infra.backup import BackupRefused, restore_backup, write_backup


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@json_option
@refuses(BackupRefused, OSError)
def backup(file: Path, as_json: bool) -> None:
    """Write a consistent copy of the database to FILE; safe while serving."""
    counts = write_backup(settings(), file, SystemClock().now())
    total = sum(counts.values())
    answer({"file": str(file), "rows": counts}, as_json, f"{total} rows written to {file}.")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
@refuses(BackupRefused, OSError)
def restore(file: Path, as_json: bool) -> None:
    """Put FILE into the database, which must be migrated and empty."""
    counts = restore_backup(settings(), file)
    answer({"file": str(file), "rows": counts}, as_json, f"{sum(counts.values())} rows restored.")
