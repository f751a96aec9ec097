"""``idp migrate``, ``config`` and ``doctor``: what an operator asks before and after a start."""

import sys

import click

from idp.cli.context import answer, json_option, rows, settings
from idp.infra.outbox import list_dead
from idp.settings import Settings


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
    text = f"Migrated from {before or 'empty'} to {after}." if changed else f"Already at {after}."
    answer({"from": before, "to": after, "changed": changed}, as_json, text)


@click.command()
@json_option
def config(as_json: bool) -> None:
    """Every setting: its value (secrets masked), where it comes from and what it means."""
    current = settings()
    data = [row._asdict() for row in current.describe()]
    columns = {"name": "Setting", "value": "Value", "origin": "From", "meaning": "Meaning"}
    answer(data, as_json, lambda: rows("Settings", columns, data))


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Check settings, database, Redis, signing keys and the audit trail; say what to mend."""
    current = settings()
    data = [{"check": "settings", "ok": True, "detail": current.issuer}]
    data += [{"check": "settings", "ok": True, "detail": f"note: {w}"} for w in current.warnings]
    data += _breached(current)
    data += _database(current)
    if all(entry["ok"] for entry in data):
        data += _stores()
    columns = {"check": "Check", "state": "", "detail": "Detail"}
    table = [{**entry, "state": "ok" if entry["ok"] else "MEND"} for entry in data]
    answer(data, as_json, lambda: rows("Doctor", columns, table))
    if not all(entry["ok"] for entry in data):
        sys.exit(1)


def _breached(current: Settings) -> list[dict[str, object]]:
    from idp.accounts.breached import Breached, BreachedUnavailable

    path = current.accounts.breached_passwords
    if path is None:
        return []
    try:
        Breached(path).check_readable()
    except BreachedUnavailable as error:
        return [{"check": "leaked passwords", "ok": False, "detail": str(error)}]
    return [{"check": "leaked passwords", "ok": True, "detail": str(path)}]


def _database(current: Settings) -> list[dict[str, object]]:
    from idp.infra import migrate as migrations

    try:
        head, expected = migrations.current_head(current), migrations.expected_head()
    except Exception as error:
        return [{"check": "database", "ok": False, "detail": f"not reachable: {error}"}]
    if head != expected:
        detail = f"at {head or 'nothing'}, this release needs {expected}: run idp migrate"
        return [{"check": "database", "ok": False, "detail": detail}]
    return [{"check": "database", "ok": True, "detail": f"schema {head}"}]


def _stores() -> list[dict[str, object]]:
    from idp.cli.context import services

    data: list[dict[str, object]] = []
    try:
        everything = services()
        everything.store.ping()
        data.append({"check": "redis", "ok": True, "detail": "answers"})
    except Exception as error:
        return [{"check": "redis", "ok": False, "detail": f"{error}: see IDP_REDIS_URL"}]
    signing = [key for key in everything.keyring.list() if key.state == "signing"]
    algorithms = sorted({key.alg for key in signing})
    data.append(
        {
            "check": "signing keys",
            "ok": {"RS256", "ES256"} <= set(algorithms),
            "detail": ", ".join(algorithms) or "none: run idp keys rotate",
        }
    )
    problems = everything.audit.verify()
    detail = (
        "every chain is whole" if not problems else f"{len(problems)} problems: idp audit verify"
    )
    data.append({"check": "audit trail", "ok": not problems, "detail": detail})
    beat = everything.deliveries.last_beat()
    detail = "lives" if beat else "none is running: mail and notices wait for idp serve"
    data.append({"check": "worker", "ok": True, "detail": detail})
    dead = list_dead()
    detail = f"{len(dead)} given up, the last: {dead[0].last_error}" if dead else "none given up"
    data.append({"check": "deliveries", "ok": not dead, "detail": detail})
    return data
