"""Every client of the platform (T12): routes; the pages are in ``web.client_console``."""

from flask import Response

from idp.web.client_console import changes, pages, trial
from idp.web.client_console.console import operators_console
from idp.web.http import check_form
from idp.web.operator import bp


@bp.get("/operator/clients")
def clients() -> Response:
    """All clients, searched and filtered."""
    return pages.list_page(operators_console())


@bp.get("/operator/clients/new")
def new_client() -> Response:
    """The empty form."""
    return changes.new_form(operators_console)


@bp.post("/operator/clients/new")
def register_client() -> Response:
    """Register one."""
    return changes.register(operators_console)


@bp.post("/operator/clients/check")
def check_client() -> Response:
    """What is wrong with the form as it stands; for the page's script."""
    check_form()
    return pages.check_page(operators_console())


@bp.get("/operator/clients/<client_id>")
def client(client_id: str) -> Response:
    """One client."""
    console = operators_console()
    return pages.detail_page(console, console.get(client_id))


@bp.post("/operator/clients/<client_id>")
def change_client(client_id: str) -> Response:
    """New secret, end of a secret, out of service and back, delete."""
    return changes.act(operators_console, client_id)


@bp.get("/operator/clients/<client_id>/edit")
def edit_client(client_id: str) -> Response:
    """The form, filled."""
    return changes.edit_form(operators_console, client_id)


@bp.post("/operator/clients/<client_id>/edit")
def save_client(client_id: str) -> Response:
    """Save what was changed."""
    return changes.change(operators_console, client_id)


@bp.get("/operator/clients/<client_id>/test")
def test_client(client_id: str) -> Response:
    """What a sign-in is checked for."""
    console = operators_console()
    return trial.show_test(console, console.get(client_id))


@bp.post("/operator/clients/<client_id>/test")
def run_client_test(client_id: str) -> Response:
    """Judge a request, or try it out."""
    check_form()
    console = operators_console()
    return trial.run(console, console.get(client_id))


@bp.get("/operator/clients/<client_id>/test/<trial_id>")
def client_test_result(client_id: str, trial_id: str) -> Response:
    """What the client would be told."""
    console = operators_console()
    return trial.result_page(console, console.get(client_id), trial_id)
