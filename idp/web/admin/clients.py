"""The company's own client apps (T12): routes; the pages are in ``web.client_console``.

Owner and standing come from the admin's company, never from the form (security rule 2).
"""

from functools import partial

from flask import Response

from idp.web.admin import bp
from idp.web.client_console import changes, pages, trial
from idp.web.client_console.console import company_console
from idp.web.http import check_form


@bp.get("/admin/<number>/clients")
def clients(number: str) -> Response:
    """The company's clients."""
    return pages.list_page(company_console(number))


@bp.get("/admin/<number>/clients/new")
def new_client(number: str) -> Response:
    """The empty form."""
    return changes.new_form(partial(company_console, number))


@bp.post("/admin/<number>/clients/new")
def register_client(number: str) -> Response:
    """Register one."""
    return changes.register(partial(company_console, number))


@bp.post("/admin/<number>/clients/check")
def check_client(number: str) -> Response:
    """What is wrong with the form as it stands; for the page's script."""
    check_form()
    return pages.check_page(company_console(number))


@bp.get("/admin/<number>/clients/<client_id>")
def client(number: str, client_id: str) -> Response:
    """One client."""
    console = company_console(number)
    return pages.detail_page(console, console.get(client_id))


@bp.post("/admin/<number>/clients/<client_id>")
def change_client(number: str, client_id: str) -> Response:
    """New secret, end of a secret, out of service and back, delete."""
    return changes.act(partial(company_console, number), client_id)


@bp.get("/admin/<number>/clients/<client_id>/edit")
def edit_client(number: str, client_id: str) -> Response:
    """The form, filled."""
    return changes.edit_form(partial(company_console, number), client_id)


@bp.post("/admin/<number>/clients/<client_id>/edit")
def save_client(number: str, client_id: str) -> Response:
    """Save what was changed."""
    return changes.change(partial(company_console, number), client_id)


@bp.get("/admin/<number>/clients/<client_id>/test")
def test_client(number: str, client_id: str) -> Response:
    """What a sign-in is checked for."""
    console = company_console(number)
    return trial.show_test(console, console.get(client_id))


@bp.post("/admin/<number>/clients/<client_id>/test")
def run_client_test(number: str, client_id: str) -> Response:
    """Judge a request, or try it out."""
    check_form()
    console = company_console(number)
    return trial.run(console, console.get(client_id))


@bp.get("/admin/<number>/clients/<client_id>/test/<trial_id>")
def client_test_result(number: str, client_id: str, trial_id: str) -> Response:
    """What the client would be told."""
    console = company_console(number)
    return trial.result_page(console, console.get(client_id), trial_id)
