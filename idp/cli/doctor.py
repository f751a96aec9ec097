"""``idp doctor``: what an operator asks before and after a start.

The parts are checked as on the operators' health page; here the reason may be told in full.
"""

import sys
from typing import Any

import click

from idp.accounts.breached import Breached, BreachedUnavailable
from idp.cli.context import answer, json_option, rows, services, settings
from idp.infra.outbox import list_dead
from idp.people.operators import parts
from idp.people.operators.parts import Part
from idp.settings import Settings

_NAMES = {"keys": "signing keys"}
_WELL = {"redis": "answers", "worker": "lives"}
_ADVICE = {
    "database": "older than this release: run idp migrate",
    "keys": "run idp keys rotate",
    "worker": "none is running: mail and notices wait for idp serve",
}
_AWAY = {"database": "not reachable: {}", "redis": "{}: see IDP_REDIS_URL"}


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Check settings, database, Redis, signing keys and the audit trail; say what to mend."""
    current = settings()
    data = [_line("settings", True, current.issuer)]
    data += [_line("settings", True, f"note: {warning}") for warning in current.warnings]
    data += _breached(current)
    data.append(_part(parts.database(current)))
    if all(entry["ok"] for entry in data):
        data += _in_use()
    columns = {"check": "Check", "state": "", "detail": "Detail"}
    table = [{**entry, "state": "ok" if entry["ok"] else "MEND"} for entry in data]
    answer(data, as_json, lambda: rows("Doctor", columns, table))
    if not all(entry["ok"] for entry in data):
        sys.exit(1)


def _line(check: str, ok: bool, detail: str) -> dict[str, Any]:
    return {"check": check, "ok": ok, "detail": detail}


def _part(part: Part) -> dict[str, Any]:
    """A part, and what to do about it. That no worker runs is no fault before ``idp serve``."""
    if part.error is not None:
        detail = _AWAY[part.name].format(part.error)
    elif part.ok:
        detail = part.detail or _WELL[part.name]
    else:
        detail = ": ".join(filter(None, (part.detail, _ADVICE[part.name])))
    return _line(_NAMES.get(part.name, part.name), part.ok or part.name == "worker", detail)


def _breached(current: Settings) -> list[dict[str, Any]]:
    path = current.accounts.breached_passwords
    if path is None:
        return []
    try:
        Breached(path).check_readable()
    except BreachedUnavailable as error:
        return [_line("leaked passwords", False, str(error))]
    return [_line("leaked passwords", True, str(path))]


def _in_use() -> list[dict[str, Any]]:
    """What can be asked only once settings and database are in order."""
    try:
        everything = services()
    except Exception as error:
        return [_part(Part("redis", False, error=error))]
    redis = parts.redis(everything.store)
    if not redis.ok:
        return [_part(redis)]
    problems = everything.audit.verify()
    chains = f"{len(problems)} problems: idp audit verify" if problems else "every chain is whole"
    dead = list_dead()
    given_up = f"{len(dead)} given up, the last: {dead[0].last_error}" if dead else "none given up"
    return [
        _part(redis),
        _part(parts.signing_keys(everything.keyring)),
        _line("audit trail", not problems, chains),
        _part(parts.worker(everything.deliveries)),
        _line("deliveries", not dead, given_up),
    ]
