"""``idp import``: bring people in from a file, watch it, take it back; ask old products."""

import sys
from pathlib import Path
from typing import Any

import click

from idp.accounts.legacy_logins import LegacyLoginRefused
from idp.cli.company import CLI, company
from idp.cli.context import (
    Decorator,
    answer,
    in_order,
    json_option,
    refuse,
    refuses,
    rows,
    services,
)
from idp.people.actors import Refused
from idp.people.imports.errors import UnknownImport
from idp.people.imports.models import ImportJob
from idp.people.imports.options import options_of
from idp.people.imports.reading import MOST_BYTES, FileRefused
from idp.people.imports.report import count_lines, list_lines, refused_csv
from idp.tenants.catalogue import PRODUCT_KEYS, UnknownCatalogueEntry
from idp.tenants.errors import UnknownTenant
from idp.tenants.memberships import ROLES

_REASONS = (
    UnknownTenant,
    UnknownImport,
    UnknownCatalogueEntry,
    FileRefused,
    Refused,
    LegacyLoginRefused,
)
_PRODUCT = click.Choice(sorted(PRODUCT_KEYS))


@click.group(name="import")
def import_() -> None:
    """Import people from CSV files: start, status, apply, resume, undo, problems."""


def _tenant_id(number: str) -> str:
    return company(number).id


def _job(number: str, job_id: str) -> ImportJob:
    return services().imports.get(_tenant_id(number), job_id)


def _work_off() -> None:
    """Do here what the worker of a running server would do in a moment."""
    while services().imports.worker.work():
        pass


def _described(job: ImportJob) -> dict[str, Any]:
    counts = count_lines(job)
    return {
        "id": job.id,
        "file": job.file_name,
        "status": job.status,
        "trusted": job.trusted,
        "product": options_of(job).product,
        "lines": job.total,
        "ready": job.ready,
        "refused": counts.refused,
        "undecided": counts.collision,
        "applied": counts.applied,
        "undone": counts.undone,
        "kept": counts.kept,
        "stopped": options_of(job).stopped or None,
    }


def _show(number: str, job_id: str, as_json: bool) -> None:
    data = _described(_job(number, job_id))
    lines = (f"{key + ':':<11}{value}" for key, value in data.items() if value is not None)
    answer(data, as_json, "\n".join(lines))


_tenant_option = click.option("--tenant", required=True, help="Customer number.")


def _about_import(*own: Decorator) -> Decorator:
    """A command about one import: which one, and the options of its ``own``."""
    which = (click.argument("job_id"), _tenant_option)
    return in_order(*which, *own, json_option, refuses(*_REASONS))


@import_.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_tenant_option
@click.option("--product", type=_PRODUCT, help="The product these people come from.")
@click.option("--trusted", is_flag=True, help="Believe password hashes and confirmed addresses.")
@click.option("--ask", is_flag=True, help="Ask the product where a line has no hash.")
@click.option("--locale", type=click.Choice(["de", "en"]), default="en", show_default=True)
@click.option("--apply", "apply_now", is_flag=True, help="Import what is ready at once.")
@json_option
@refuses(*_REASONS)
def start(
    file: Path,
    tenant: str,
    product: str | None,
    trusted: bool,
    ask: bool,
    locale: str,
    apply_now: bool,
    as_json: bool,
) -> None:
    """Read and check a file; nothing is imported without --apply."""
    if file.stat().st_size > MOST_BYTES:
        raise FileRefused("file-too-large", megabytes=MOST_BYTES // 1024 // 1024)
    actor, imports, tenant_id = CLI, services().imports, _tenant_id(tenant)
    job = imports.stage(
        tenant_id,
        actor,
        file.name,
        file.read_bytes(),
        product=product,
        locale=locale,
        trusted=trusted,
    )
    if ask:
        opened = [product] if product else None
        imports.set_options(
            tenant_id, actor, job.id, product=product, products=opened, locale=locale, ask=True
        )
    job_id = job.id
    _work_off()
    if apply_now:
        imports.apply(tenant_id, actor, job_id)
        _work_off()
    _show(tenant, job_id, as_json)


@import_.command("list")
@_tenant_option
@json_option
@refuses(*_REASONS)
def list_(tenant: str, as_json: bool) -> None:
    """The files of a company."""
    found = [_described(job) for job in services().imports.list(_tenant_id(tenant))]
    columns = {"id": "Import", "file": "File", "status": "Status", "applied": "Applied"}
    answer(found, as_json, lambda: rows("Imports", columns, found))


@import_.command()
@_about_import()
def status(job_id: str, tenant: str, as_json: bool) -> None:
    """How far an import is."""
    _show(tenant, job_id, as_json)


@import_.command()
@_about_import(
    click.option(
        "--collisions",
        type=click.Choice(["merge", "skip"]),
        help="Who is in two products under different names: one person, or left out.",
    )
)
def apply(job_id: str, tenant: str, collisions: str | None, as_json: bool) -> None:
    """Import the lines that are ready."""
    actor, tenant_id = CLI, _tenant_id(tenant)
    if collisions is not None:
        services().imports.decide(tenant_id, actor, job_id, collisions == "merge")
    services().imports.apply(tenant_id, actor, job_id)
    _work_off()
    _show(tenant, job_id, as_json)


@import_.command()
@_about_import(
    click.argument("choice", type=click.Choice(["merge", "skip"])),
    click.option("--line", type=int, help="This line alone; else all that wait for a word."),
)
def decide(job_id: str, tenant: str, choice: str, line: int | None, as_json: bool) -> None:
    """Decide about people whom two products have under different names."""
    services().imports.decide(_tenant_id(tenant), CLI, job_id, choice == "merge", line)
    _show(tenant, job_id, as_json)


@import_.command()
@_about_import(
    click.option("--column", "columns", multiple=True, help="Each in its order; - leaves one out."),
    click.option("--product", type=_PRODUCT, help="The product these people come from."),
    click.option("--open", "opened", multiple=True, type=_PRODUCT, help="Instead of all booked."),
    click.option("--permission", "permissions", multiple=True, help="Instead of the default ones."),
    click.option("--role", type=click.Choice(ROLES), default="employee", show_default=True),
    click.option("--locale", type=click.Choice(["de", "en"]), default="en", show_default=True),
    click.option("--ask", is_flag=True, help="Ask the product where a line has no hash."),
)
def options(
    job_id: str,
    tenant: str,
    columns: tuple[str, ...],
    product: str | None,
    opened: tuple[str, ...],
    permissions: tuple[str, ...],
    role: str,
    locale: str,
    ask: bool,
    as_json: bool,
) -> None:
    """Say what the columns are and what everybody gets; all lines are checked again."""
    services().imports.set_options(
        _tenant_id(tenant),
        CLI,
        job_id,
        columns=[None if name == "-" else name for name in columns] or None,
        product=product,
        products=opened or None,
        permissions=permissions or None,
        role=role,
        locale=locale,
        ask=ask,
    )
    _work_off()
    _show(tenant, job_id, as_json)


@import_.command()
@_about_import()
def discard(job_id: str, tenant: str, as_json: bool) -> None:
    """Forget a file of which nothing was applied."""
    services().imports.discard(_tenant_id(tenant), CLI, job_id)
    answer({"id": job_id, "discarded": True}, as_json, f"Forgot {job_id}")


@import_.command()
@_about_import()
def pause(job_id: str, tenant: str, as_json: bool) -> None:
    """Stop after the portion that is under way."""
    services().imports.pause(_tenant_id(tenant), CLI, job_id)
    _show(tenant, job_id, as_json)


@import_.command()
@_about_import()
def resume(job_id: str, tenant: str, as_json: bool) -> None:
    """Go on with what was paused or killed."""
    job = _job(tenant, job_id)
    if job.status == "paused":
        services().imports.apply(job.tenant_id, CLI, job_id)
    _work_off()
    _show(tenant, job_id, as_json)


@import_.command()
@_about_import()
def undo(job_id: str, tenant: str, as_json: bool) -> None:
    """Take back whatever nobody has used yet; exit 1 where somebody has moved in."""
    services().imports.undo(_tenant_id(tenant), CLI, job_id)
    _work_off()
    _show(tenant, job_id, as_json)
    if count_lines(_job(tenant, job_id)).kept:
        sys.exit(1)


@import_.command()
@_about_import()
def problems(job_id: str, tenant: str, as_json: bool) -> None:
    """The refused lines as CSV, with the reason as a code."""
    job = _job(tenant, job_id)
    if not as_json:
        click.echo("".join(refused_csv(job, {})), nl=False)
        return
    found = list_lines(job, ("refused", "collision"), limit=job.total)
    data = [{"line": r.line, "email": r.email, "problems": list(r.problems)} for r in found]
    answer(data, True, "")


@import_.group()
def hook() -> None:
    """The hook that asks an old product whether a password is right."""


@hook.command("list")
@json_option
def hook_list(as_json: bool) -> None:
    """The products that are asked."""
    found = [
        {
            "product": one.product,
            "uri": one.uri,
            "updated_at": one.updated_at.isoformat(),
            "silent_since": one.pause.since.isoformat() if one.pause else None,
        }
        for one in services().legacy_logins.list()
    ]
    columns = {
        "product": "Product",
        "uri": "Address",
        "updated_at": "Set",
        "silent_since": "Silent",
    }
    answer(found, as_json, lambda: rows("Hooks", columns, found))


@hook.command("set")
@click.argument("product", type=_PRODUCT)
@click.argument("uri")
@json_option
@refuses(*_REASONS)
def hook_set(product: str, uri: str, as_json: bool) -> None:
    """Ask the product there; prints the new secret, this once."""
    secret = services().legacy_logins.configure(product, uri, actor="cli")
    data = {"product": product, "uri": uri, "secret": secret}
    answer(data, as_json, f"secret: {secret}")


@hook.command("remove")
@click.argument("product", type=_PRODUCT)
@json_option
def hook_remove(product: str, as_json: bool) -> None:
    """Ask the product no more."""
    if not services().legacy_logins.remove(product, actor="cli"):
        refuse("this product is not asked")
    answer({"product": product, "removed": True}, as_json, f"{product} is not asked any more")
