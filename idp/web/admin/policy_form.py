"""What an admin enters into the policy form, read and turned into a policy."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from werkzeug.datastructures import MultiDict

from idp.clients.client import Client
from idp.core.person import MfaMode, Policy
from idp.core.vocabulary import SECOND_FACTORS, Factor
from idp.people.rollout import doors
from idp.people.rollout.forecast import ClientDoor, Stages
from idp.tenants.policy import MODES, InvalidPolicy, build_policy
from idp.web import contexts
from idp.web.guards import Administrator
from idp.web.http import services

_NUMBERS = ("grace_days", "remember_days", "stage_size", "stage_days")
MINIMUM = "minimum-"
"""Before a client's id: the name of the field that says what the company demands there."""
_WRONG = -1


@dataclass(frozen=True)
class Entered:
    """The form as it was sent."""

    mfa: str
    factors: tuple[str, ...]
    phishing_resistant_only: bool
    selected: tuple[str, ...]
    minimums: tuple[tuple[str, str], ...]
    find: str
    typed: dict[str, Any]
    """The numbers as they were typed, to be mended where they stand."""

    @property
    def stages(self) -> Stages | None:
        """Groups, if either field of them is filled in."""
        if not self.typed["stage_size"] and not self.typed["stage_days"]:
            return None
        return Stages(_number(self.typed["stage_size"]), _number(self.typed["stage_days"]))

    def values(self, admin: Administrator) -> dict[str, Any]:
        """The policy's own fields, as ``build_policy`` takes them."""
        return {
            "mfa": self.mfa,
            "factors": self.factors,
            "phishing_resistant_only": self.phishing_resistant_only,
            "grace_days": _number(self.typed["grace_days"] or "0"),
            "remember_days": _number(self.typed["remember_days"] or "0"),
            "client_minimums": self._client_minimums(admin),
        }

    def as_far_as_it_goes(self, current: Policy) -> Policy:
        """What can be shown again beside its error."""
        modes: dict[str, MfaMode] = {mode: mode for mode in MODES}
        return replace(
            current,
            mfa=modes.get(self.mfa, current.mfa),
            factors=tuple(f for f in Factor if f in self.factors and f in SECOND_FACTORS),
            phishing_resistant_only=self.phishing_resistant_only,
            client_minimums=tuple((c, int(v)) for c, v in self.minimums if v in ("2", "3")),
        )

    def _client_minimums(self, admin: Administrator) -> dict[str, int]:
        offered = {client.client_id for client in offered_clients(admin.tenant_id)}
        # What was set elsewhere for a client that is not on offer here stays.
        current = services().tenants.policy(admin.tenant_id).client_minimums
        chosen = {client_id: level for client_id, level in current if client_id not in offered}
        for client_id, level in self.minimums:
            if client_id not in offered or level not in ("1", "2", "3"):
                reason = "a minimum is chosen for one of the clients on offer"
                raise InvalidPolicy("client_minimums", "client-minimum-invalid", reason)
            chosen[client_id] = int(level)
        return chosen


def entered_in(form: MultiDict[str, str]) -> Entered:
    """Reads the form; nothing in it is refused here."""
    return Entered(
        mfa=form.get("mfa", ""),
        factors=tuple(form.getlist("factors")),
        phishing_resistant_only=form.get("phishing_resistant_only") == "1",
        selected=tuple(dict.fromkeys(form.getlist("selected"))),
        minimums=tuple(
            (name.removeprefix(MINIMUM), value)
            for name, value in form.items()
            if name.startswith(MINIMUM)
        ),
        find=form.get("find", "").strip()[:100],
        typed={name: form.get(name, "").strip()[:5] for name in _NUMBERS},
    )


def proposed(admin: Administrator, current: Policy, entered: Entered) -> Policy:
    """The policy that the form asks for; raises ``InvalidPolicy``."""
    available = services().tenants.available_factors
    return build_policy(current, available=available, **entered.values(admin))


def offered_clients(tenant_id: str) -> Sequence[Client]:
    """Those a company can demand more for: its products' and its own, products first."""
    everything = services()
    return doors.offered_clients(everything.clients, everything.tenants, tenant_id)


def minimums_of(tenant_id: str, policy: Policy) -> tuple[contexts.ClientMinimum, ...]:
    """The clients on offer, with what the client and the company demand."""
    return tuple(
        contexts.ClientMinimum(
            client_id=client.client_id,
            name=client.client_name,
            level=policy.minimum_for(client.client_id),
            registered=doors.registered_level(client),
        )
        for client in offered_clients(tenant_id)
    )


def doors_of(tenant_id: str, policy: Policy) -> tuple[ClientDoor, ...]:
    """The clients for which the policy demands more than they do themselves."""
    return doors.doors_of(offered_clients(tenant_id), policy)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else _WRONG
