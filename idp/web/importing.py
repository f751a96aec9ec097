"""Imports of people as both consoles show them: the upload, one file, its progress, its lines.

A ``Desk`` is what differs between the two: who acts, in which company, and in which frame.
"""

from flask import Response, abort, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from idp.infra.csv_files import csv_lines
from idp.infra.throttle import Throttled
from idp.people.actors import NotAllowed, Refused
from idp.people.imports.columns import TEMPLATES
from idp.people.imports.errors import UnknownImport
from idp.people.imports.models import ImportJob
from idp.people.imports.options import options_of
from idp.people.imports.reading import MOST_BYTES, FileRefused
from idp.people.imports.report import refused_csv
from idp.tenants.catalogue import UnknownCatalogueEntry
from idp.web import http, page_words
from idp.web.admin.frame import done
from idp.web.contexts.imports import ImportsView
from idp.web.http import check_form, see_other, services
from idp.web.i18n import Translator
from idp.web.import_view import Desk, choices_of, columns_of, percent_of, row_of, view_of
from idp.web.signed_in import signed_in
from idp.web.typed import typed_form

__all__ = ["Desk"]

_ENVELOPE = 64 * 1024
SENSITIVE = ("apply", "undo")
"""What a stolen session must not do: it touches thousands at once."""
_ACTIONS = ("options", "apply", "pause", "undo", "discard", "merge", "skip")


def allow_upload() -> None:
    """Let this request be as long as a file of people, for somebody who is signed in."""
    if signed_in() is not None:
        request.max_content_length = MOST_BYTES + _ENVELOPE


def check_upload() -> bool:
    """Check the form that carries a file; False where it is too long to be read at all."""
    allow_upload()
    try:
        check_form()
    except RequestEntityTooLarge:
        return False
    return True


def show_list(desk: Desk, error: FileRefused | None = None, status: int | None = None) -> Response:
    """The upload form and the files so far."""
    # A form that is too long cannot be read.
    chosen = "" if status == 413 else typed_form().get("product", "")
    view = ImportsView(
        base=desk.base,
        back_url=desk.back_url,
        tenant_name=desk.tenant.name,
        local=desk.tenant.accounts_mode == "local",
        trusted=desk.trusted,
        products=choices_of(desk, [chosen]),
        rows=tuple(row_of(job) for job in services().imports.list(desk.tenant.id)),
    )
    errors = {"file": error.code} if error else {}
    values = dict(error.values) if error else {}
    return desk.page(view, errors=errors, error_values=values, notice=done(), status=status)


def upload(desk: Desk, complete: bool) -> Response:
    """Keep the file, or say what is wrong with it."""
    if not complete:
        refused = FileRefused("file-too-large", megabytes=MOST_BYTES // 1024 // 1024)
        return show_list(desk, refused, 413)
    file, product = request.files.get("file"), request.form.get("product", "")
    if file is None or not file.filename:
        return show_list(desk, FileRefused("file-required"), 400)
    with file.stream:
        data = file.read()
    try:
        job = services().imports.stage(
            desk.tenant.id,
            desk.actor,
            file.filename[:1000],
            data,
            product=product or None,
            locale=desk.locale,
        )
    except FileRefused as refused:
        return show_list(desk, refused, 400)
    except Refused as refused:
        if isinstance(refused, NotAllowed):
            abort(404)
        return show_list(desk, _as_file_error(refused.code), 400)
    except Throttled as throttled:
        error = _as_file_error("throttled")
        error.values["minutes"] = -(-throttled.retry_after // 60)
        return show_list(desk, error, 429)
    return see_other(f"{desk.base}/{job.id}")


def template(desk: Desk) -> Response:
    """A file to begin with, in the reader's language."""
    header, example = TEMPLATES[desk.locale]
    return _csv(csv_lines(header, [example]), "einlass-import.csv")


def show_job(
    desk: Desk,
    job_id: str,
    *,
    errors: dict[str, str] | None = None,
    status: int | None = None,
) -> Response:
    """One file."""
    job = find(desk, job_id)
    return desk.page(view_of(desk, job), errors=errors or {}, notice=done(), status=status)


def progress(desk: Desk, job_id: str) -> Response:
    """How far it is, for the script that moves the bar."""
    job = find(desk, job_id)
    answer = jsonify(status=job.status, percent=percent_of(job))
    answer.headers["Cache-Control"] = "no-store"
    return answer


def refused_lines(desk: Desk, job_id: str) -> Response:
    """The lines that were refused, with the reason, to be mended and imported again."""
    job = find(desk, job_id)
    say = Translator(desk.locale).gettext
    reasons = {code: say(text) for code, text in page_words.ERRORS.items() if "%(" not in text}
    reasons |= {"line": say("Line"), "reason": say("Reason")}
    return _csv(refused_csv(job, reasons), "einlass-import-refused.csv")


def change(desk: Desk, job_id: str) -> Response:
    """What the buttons of a file do."""
    job = find(desk, job_id)
    action = request.form.get("action", "")
    if action not in _ACTIONS:
        abort(400)
    try:
        notice = _carry_out(desk, job, action)
    except NotAllowed:
        abort(404)
    except (Refused, UnknownCatalogueEntry) as refused:
        return show_job(desk, job_id, errors={"": refused.code}, status=400)
    except ValueError:
        return show_job(desk, job_id, errors={"": "role-invalid"}, status=400)
    if action == "discard":
        return see_other(f"{desk.base}?done={notice}")
    return see_other(f"{desk.base}/{job_id}?done={notice}")


def find(desk: Desk, job_id: str) -> ImportJob:
    """The import of that id in this company; anything else is not found."""
    try:
        return services().imports.get(desk.tenant.id, job_id)
    except UnknownImport:
        return abort(404)


def _carry_out(desk: Desk, job: ImportJob, action: str) -> str:
    """Do it; the code of what to say."""
    imports, where = services().imports, (desk.tenant.id, desk.actor, job.id)
    match action:
        case "options":
            columns = [request.form.get(f"column_{n}") or None for n in range(len(columns_of(job)))]
            opened = request.form.getlist("products")
            booked = services().tenants.products_of(desk.tenant.id)
            imports.set_options(
                *where,
                columns=columns,
                product=request.form.get("product") or None,
                products=None if set(opened) >= set(booked) or not opened else opened,
                permissions=options_of(job).permissions,
                role=request.form.get("role", "employee"),
                locale=request.form.get("locale", desk.locale),
                ask="ask" in request.form,
            )
            return "import-checking"
        case "apply":
            imports.apply(*where)
            return "import-running"
        case "pause":
            imports.pause(*where)
            return "import-paused"
        case "undo":
            imports.undo(*where)
            return "import-undoing"
        case "discard":
            imports.discard(*where)
            return "import-discarded"
        case _:
            line = request.form.get("line", "")
            number = int(line) if line.isascii() and line.isdigit() and len(line) < 10 else None
            if line and number is None:
                abort(400)
            imports.decide(*where, action == "merge", number)
            return "import-decided"


def _as_file_error(code: str) -> FileRefused:
    error = FileRefused("file-required")
    error.code = code
    return error


def _csv(lines: object, name: str) -> Response:
    response = Response(lines, content_type="text/csv; charset=utf-8")  # type: ignore[arg-type]
    http.guard().protect(response)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
