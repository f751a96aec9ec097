"""The parts the platform runs on, with one check each: for ``idp doctor`` and the operators' pages.

A check changes nothing and shows no secret. ``/readyz`` asks less, of what is in memory already: it
is called every few seconds.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from idp.infra.delivery_worker import DeliveryWorker
from idp.infra.ephemeral import EphemeralStore
from idp.infra.keyring import Keyring
from idp.infra.migrate import expected_head, read_schema
from idp.infra.signing_keys import STANDARD
from idp.settings import Settings


@dataclass(frozen=True, slots=True)
class Part:
    """Whether a part does its work. ``detail``: what it is, or the kind of error."""

    name: Literal["database", "redis", "keys", "worker"]
    ok: bool
    detail: str = ""
    seen_at: datetime | None = None
    """When the worker last said that it lives."""
    error: Exception | None = None
    """What kept it from answering: for whoever sits at the server."""


def database(settings: Settings) -> Part:
    """It answers, and its schema will do for this release."""
    try:
        schema = read_schema(settings)
    except Exception as error:
        return Part("database", False, type(error).__name__, error=error)
    detail = f"{schema.server}, {schema.head or 'empty'}/{expected_head()}"
    return Part("database", schema.will_do, detail)


def redis(store: EphemeralStore) -> Part:
    """It answers."""
    try:
        store.ping()
    except Exception as error:
        return Part("redis", False, type(error).__name__, error=error)
    return Part("redis", True)


def signing_keys(keyring: Keyring) -> Part:
    """Each algorithm that every client may count on has a key that signs."""
    signing = sorted({key.alg for key in keyring.list() if key.state == "signing"})
    return Part("keys", set(STANDARD) <= set(signing), ", ".join(signing))


def worker(deliveries: DeliveryWorker) -> Part:
    """One that sends mail and does the long work has said of late that it lives."""
    beat = deliveries.last_beat()
    return Part("worker", beat is not None, seen_at=beat)
