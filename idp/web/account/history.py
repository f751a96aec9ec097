"""What happened to the account: sign-ins and changes, in plain words."""

from urllib.parse import quote

from flask import Response, request

from idp.people.log.history import Happening
from idp.web import contexts, event_words, http, page_words
from idp.web.account.clients import client_name
from idp.web.account.frame import bp, show
from idp.web.admin.frame import me_of
from idp.web.guards import person_signed_in

_REASONED = frozenset({"mfa.reset", "recovery_case.refused"})
"""Events whose reason was told to the person as well; others are kept for the company's log."""


@bp.get("/account/history")
def history() -> Response:
    """The newest first, some at a time."""
    who = person_signed_in()
    before = request.args.get("before", "")
    found = http.services().history.page(who.person, event_words.HISTORY, before)
    page = contexts.AccountHistory(
        me=me_of(who.person),
        rows=tuple(_row(one) for one in found.happenings),
        older_url=f"/account/history?before={quote(found.older)}" if found.older else "",
        is_first=not before,
    )
    return show(who, page)


def _row(one: Happening) -> contexts.HistoryRow:
    detail = one.detail
    factors = detail.get("factors") or [detail.get("factor")]
    return contexts.HistoryRow(
        at=one.at,
        event=one.event,
        succeeded=one.succeeded,
        by=one.by,
        ip=one.ip,
        device=str(detail.get("device", "")),
        tenant_name=one.tenant_name,
        client_name=client_name(one.client_id) if one.client_id else "",
        factors=tuple(str(f) for f in factors if f in page_words.FACTORS or f == "password"),
        what=str(detail.get("name") or detail.get("to") or ""),
        reason=str(detail.get("reason", "")) if one.event in _REASONED else "",
    )
