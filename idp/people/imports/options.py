"""What is said about a whole file: where its people come from, and what they get by default."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from idp.people.actors import Actor, Given
from idp.people.imports.models import ImportJob
from idp.tenants.catalogue import default_permissions


@dataclass(frozen=True, slots=True)
class Options:
    """``products`` None: all that are booked; ``permissions`` None: what new members get.

    ``ask``: where a line brings no hash, the old product is asked at the first sign-in.
    ``stopped``: why the import paused by itself; ``admins`` and ``helpers``: how many lines make
    one. ``actor``: who last set it in motion, whose rights it has.
    """

    header: Sequence[str]
    columns: Sequence[str | None]
    encoding: str
    delimiter: str
    actor: dict[str, Any]
    product: str | None = None
    products: Sequence[str] | None = None
    permissions: Sequence[str] | None = None
    role: str = "employee"
    locale: str = "en"
    ask: bool = False
    stopped: str = ""
    admins: int = 0
    helpers: int = 0

    def acting(self) -> Actor:
        """Whoever set it in motion."""
        return Actor(**self.actor)

    def started_by(self, actor: Actor) -> "Options":
        """The same, set in motion by somebody, with nothing in the way."""
        return replace(self, actor=asdict(actor), stopped="")

    def as_json(self) -> dict[str, Any]:
        """As the row keeps them."""
        return asdict(self)


def given_by_default(tenant_id: str, options: Options, actor: Actor | None = None) -> Given:
    """What a line gets that names nothing itself, if the actor, or whoever set it in motion, makes
    it so: for a helper of the admin no more than they hold (``Actor.giving``).
    """
    meant, who = options.permissions, actor or options.acting()
    given = default_permissions() if meant is None else meant
    return who.giving(tenant_id, given, options.products)


def options_of(job: ImportJob) -> Options:
    """Those of an import."""
    return Options(**job.options)
