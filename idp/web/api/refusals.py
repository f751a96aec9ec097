"""What a token is refused, in the logs of the companies concerned (security rule 2)."""

from typing import Any

from flask import request

from idp.infra.audit_refusals import note_refusal
from idp.web.api.access import Access
from idp.web.http import client_address, services


def note_knock(access: Access, tenant_id: str) -> None:
    """A token has named a company that it is not good for: a line in that company's log."""
    _note(access, "api.refused", tenant_id)


def note_not_found(operation: str, access: Access, tenant_id: str) -> None:
    """Whoever asks in a company's name for what is not there, or not the company's, leaves a line
    in its log.
    """
    _note(access, "api.not_found", tenant_id, {"operation": operation})


def _note(access: Access, event: str, tenant_id: str, detail: dict[str, Any] | None = None) -> None:
    everything = services()
    note_refusal(
        everything.audit,
        everything.throttle,
        event,
        category="security",
        tenant_id=tenant_id,
        actor=access.actor.subject,
        client_id=access.client_id,
        ip=client_address(request, everything.settings),
        detail=detail,
    )
