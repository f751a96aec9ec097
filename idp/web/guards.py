"""Who may open our own pages: signed in as the company's policy demands, and in the right role.

A guard answers with what the view needs, or ends the request: with the hosted login, or with "not
found" for whatever is not the caller's (security rule 2).
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from flask import Response, abort, current_app, g, request

from idp.core.person import PersonMembership
from idp.core.vocabulary import LoginNeeded
from idp.infra.audit_refusals import note_refusal
from idp.infra.availability import DatabaseUnavailable
from idp.infra.ephemeral import StoreUnavailable
from idp.web import http, typed
from idp.web.signed_in import SignedIn, signed_in

FRESH = 300
"""Seconds since everything was proven, for changes that a stolen session must not make."""


@dataclass(frozen=True, slots=True)
class Administrator:
    """An admin of the company the address names, or a helper with the right the page needs."""

    who: SignedIn
    membership: PersonMembership

    @property
    def tenant_id(self) -> str:
        """The company's id."""
        return self.membership.tenant_id

    @property
    def is_admin(self) -> bool:
        """Whether all of the console is open, not only a helper's part."""
        return is_admin(self.membership)

    def may(self, right: str) -> bool:
        """Whether a part of the console is."""
        return helps(self.membership, right)

    @property
    def subject(self) -> str:
        """The admin, as audit and mail name them."""
        return self.who.person.subject

    @property
    def base(self) -> str:
        """The root of the console of this company."""
        return f"/admin/{self.membership.customer_number}"


def person_signed_in(
    *, fresh: bool = False, back: str | None = None, acr_level: int = 1
) -> SignedIn:
    """Whoever is signed in well enough; else the hosted login comes first.

    ``fresh`` demands that everything was proven within the last minutes, ``acr_level`` how well in
    any case. What a post has typed waits for its page (``web.typed``): ``back``, where that is not
    the address it was sent to.
    """
    everything = http.services()
    who = signed_in()
    needed = LoginNeeded(acr_level=acr_level, max_age=FRESH if fresh else None)
    if who is not None and everything.authn.authentication_for(who.session, who.person, needed):
        typed.take(everything, http.caller().browser or "", who.person.account_id)
        return who
    browser = http.browser_token()
    page, account_id = back or request.path, _whose_form(who)
    token = everything.randomness.token() if account_id else ""
    tx = everything.authn.begin(
        needed,
        {"kind": "page", "path": _here() if request.method == "GET" else _there(page, token)},
        browser=browser,
        session=who.session if who else None,
        locale=http.locale_for(who.person if who else None),
        device=http.remembered_cookie(),
        ip=http.caller().ip,
    )
    if account_id:
        typed.keep(everything, token, browser, account_id, page.partition("?")[0])
    return abort(http.see_other(f"/login/{tx.id}"))


def _whose_form(who: SignedIn | None) -> str | None:
    """The account that has filled in the posted form; None where there is none to keep.

    Without a session it is the one that signed in last with this browser, or nobody.
    """
    if request.method != "POST" or request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate":
        return None
    return who.person.account_id if who else http.caller().known_account


def administrator(
    customer_number: str,
    *,
    right: str | Collection[str] = (),
    fresh: bool = False,
    back: str | None = None,
) -> Administrator:
    """An active admin of that company, or a helper who holds ``right`` (``tenants.catalogue``), or
    one of several; anybody else finds nothing here.

    ``back``: the page that a post was made on, as in ``person_signed_in``.
    """
    who = person_signed_in(fresh=fresh, back=back)
    rights = (right,) if isinstance(right, str) else right
    for membership in who.person.memberships:
        if membership.customer_number == customer_number and (
            is_admin(membership) or (rights and helps(membership, *rights))
        ):
            acting = Administrator(who, membership)
            g.acting = acting
            return acting
    _note_refusal(customer_number, who)
    return abort(404)


def note_not_found(response: Response) -> Response:
    """After every answer of a company's console: whoever works there and asks for what is not
    there, or not the company's, leaves a line in its log (security rule 2).
    """
    acting: Administrator | None = g.get("acting")
    if response.status_code == 404 and acting is not None:
        try:
            note_missing(acting)
        except (StoreUnavailable, DatabaseUnavailable) as error:
            # What is raised after an answer was made would be taken for a mistake of ours.
            return current_app.make_response(current_app.handle_user_exception(error))
    return response


def note_missing(acting: Administrator) -> None:
    """The same where only some of what was asked for is not there, or not the company's."""
    _note("console.not_found", acting.tenant_id, acting.who, {"page": request.endpoint})


def operator(*, fresh: bool = False, back: str | None = None) -> SignedIn:
    """An operator of the platform, with two factors; anybody else finds nothing here."""
    who = signed_in()
    if who is None or who.person.is_operator:
        who = person_signed_in(fresh=fresh, back=back, acr_level=2)
    if not who.person.is_operator or who.person.status != "active":
        _note_refusal(None, who)
        abort(404)
    return who


def _here() -> str:
    """The address asked for, encoded again: decoded it may hold what no header can."""
    query = quote(request.query_string, safe="%&=+/?:@!$'()*,;~-._")
    return quote(request.path) + (f"?{query}" if query else "")


def _there(page: str, token: str) -> str:
    """The page a post was made on, told what was typed there."""
    address = quote(page, safe="%/?=&")
    if not token:
        return address
    return f"{address}{'&' if '?' in address else '?'}{typed.AGAIN}={token}"


def is_admin(membership: PersonMembership) -> bool:
    """Whether the membership opens all of the company's console."""
    return membership.role == "admin" and membership.status == "active"


def helps(membership: PersonMembership, *rights: str) -> bool:
    """Whether it opens some part of the console: a certain one, if any is named."""
    held = membership.console_rights if membership.status == "active" else frozenset()
    return bool(held & set(rights) if rights else held)


def _note_refusal(customer_number: str | None, who: SignedIn) -> None:
    """A knock at another company's console is written into that company's log, if there is one, and
    into that of every company whose console is open to who knocked; at the operators' into the
    platform's. Many are few lines (``infra.audit_refusals``).
    """
    tenants = http.services().tenants
    tenant = tenants.find_by_customer_number(customer_number) if customer_number else None
    _note("console.refused", tenant.id if tenant else None, who)
    for own in who.person.memberships:
        if customer_number and own.customer_number != customer_number and helps(own):
            _note("console.not_found", own.tenant_id, who, {"page": request.endpoint})


def _note(
    event: str, tenant_id: str | None, who: SignedIn, detail: dict[str, Any] | None = None
) -> None:
    everything = http.services()
    note_refusal(
        everything.audit,
        everything.throttle,
        event,
        category="security",
        tenant_id=tenant_id,
        actor=who.person.subject,
        ip=http.caller().ip,
        detail=detail,
    )
