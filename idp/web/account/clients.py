"""What the person has allowed third-party clients, to be taken back (S10)."""

from flask import Response, abort, request

from idp.web import contexts, http
from idp.web.account.frame import bp, done, notice, show
from idp.web.admin.frame import me_of
from idp.web.guards import person_signed_in


@bp.get("/account/clients")
def clients() -> Response:
    """Each client with what it may see."""
    who = person_signed_in()
    everything, person = http.services(), who.person
    page = contexts.AccountClients(
        me=me_of(person),
        notice=notice(),
        clients=tuple(
            contexts.GrantedClient(
                client_id=granted.client_id,
                name=client_name(granted.client_id),
                scopes=tuple(granted.scope),
                granted_at=granted.created_at,
            )
            for granted in everything.consents.list(person.account_id)
        ),
    )
    return show(who, page)


@bp.post("/account/clients")
def change_clients() -> Response:
    """Take one client's access back; its tokens end."""
    http.check_form()
    who = person_signed_in()
    if request.form.get("action") != "revoke-client":
        abort(400)
    client_id = request.form.get("client_id", "")
    http.services().consents.revoke(who.person.account_id, who.person.subject, client_id)
    return done("/account/clients", "client-revoked")


def client_name(client_id: str) -> str:
    """What the client calls itself; its id once it is gone."""
    client = http.services().clients.find(client_id)
    return client.client_name if client else client_id
