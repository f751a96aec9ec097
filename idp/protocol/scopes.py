"""Scope strings: split, kept in order, limited to what a client may have (RFC 6749 §3.3)."""

from collections.abc import Iterable

from idp.core.vocabulary import MANAGEMENT_SCOPES, SCOPES_SUPPORTED


def split_scope(scope: str | None) -> tuple[str, ...]:
    """The names in order, each once."""
    return tuple(dict.fromkeys((scope or "").split()))


def join_scope(scope: Iterable[str]) -> str:
    """The wire's form."""
    return " ".join(scope)


def allowed_scope(requested: Iterable[str], registered: str) -> tuple[str, ...]:
    """What is left of a request: known here and registered for the client.

    Anything else is ignored, as OIDC Core §3.1.2.1 wants of values that are not understood.
    """
    permitted = set(registered.split()) & {*SCOPES_SUPPORTED, *MANAGEMENT_SCOPES}
    return tuple(name for name in requested if name in permitted)


def registered_scope(requested: Iterable[str], registered: str) -> tuple[str, ...]:
    """For client credentials: of the registered names, resource scopes too, those asked for."""
    permitted = set(registered.split())
    return tuple(name for name in requested if name in permitted)
