"""A company brings its own people in by file (T10): no password hashes, only invitations."""

from flask import Response, request

from idp.people.actors import Actor
from idp.tenants.catalogue import MANAGE_PEOPLE
from idp.web import http, importing
from idp.web.admin import bp
from idp.web.admin.frame import frame_of, show
from idp.web.contexts.imports import AdminImport, AdminImports, ImportsView, ImportView
from idp.web.guards import Administrator, administrator
from idp.web.importing import Desk

_BASE = "/admin/<number>/imports"


def _desk(admin: Administrator) -> Desk:
    def page(view: ImportsView | ImportView, status: int | None, **more: object) -> Response:
        kind = AdminImports if isinstance(view, ImportsView) else AdminImport
        shown = kind(frame=frame_of(admin), view=view, **more)  # type: ignore[arg-type]
        return show(admin, shown, status=status)

    return Desk(
        actor=Actor.person(admin.who.person),
        tenant=http.services().tenants.get(admin.tenant_id),
        base=f"{admin.base}/imports",
        back_url=f"{admin.base}/people",
        locale=http.locale_for(admin.who.person),
        page=page,
    )


@bp.get(_BASE)
def imports(number: str) -> Response:
    """The upload form, and the files so far."""
    return importing.show_list(_desk(administrator(number, right=MANAGE_PEOPLE)))


@bp.post(_BASE)
def upload_import(number: str) -> Response:
    """A file comes in."""
    complete = importing.check_upload()
    return importing.upload(_desk(administrator(number, right=MANAGE_PEOPLE)), complete)


@bp.get(f"{_BASE}/template.csv")
def import_template(number: str) -> Response:
    """A file to begin with."""
    return importing.template(_desk(administrator(number, right=MANAGE_PEOPLE)))


@bp.get(f"{_BASE}/<import_id>")
def show_import(number: str, import_id: str) -> Response:
    """One file: preview, progress, outcome."""
    return importing.show_job(_desk(administrator(number, right=MANAGE_PEOPLE)), import_id)


@bp.post(f"{_BASE}/<import_id>")
def change_import(number: str, import_id: str) -> Response:
    """Options, apply, pause, undo, decide, discard."""
    http.check_form()
    sensitive = request.form.get("action") in importing.SENSITIVE
    admin = administrator(number, right=MANAGE_PEOPLE, fresh=sensitive)
    return importing.change(_desk(admin), import_id)


@bp.get(f"{_BASE}/<import_id>/progress")
def import_progress(number: str, import_id: str) -> Response:
    """How far it is, as JSON."""
    return importing.progress(_desk(administrator(number, right=MANAGE_PEOPLE)), import_id)


@bp.get(f"{_BASE}/<import_id>/refused.csv")
def import_refused(number: str, import_id: str) -> Response:
    """The refused lines as a file."""
    return importing.refused_lines(_desk(administrator(number, right=MANAGE_PEOPLE)), import_id)
