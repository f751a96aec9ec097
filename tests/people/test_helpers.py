"""Helpers of an admin at the services: who may do what to whom, as one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from idp.infra.database import transaction
from idp.people.actors import Actor, NotAllowed, NotHeld, NotYourself, OnlyAdmins
from idp.people.members.service import Refused
from idp.tenants.catalogue import MANAGE_CLIENTS, MANAGE_PEOPLE, READ_LOG
from idp.tenants.models import Membership, Tenant
from tests.people.house import House


@dataclass
class Company:
    """An admin, a helper with ``hr.team.read``, an employee who may release payroll runs."""

    house: House
    tenant: Tenant
    actors: dict[str, Actor]
    targets: dict[str, Membership]


@pytest.fixture
def company(house: House) -> Company:
    nord = house.tenant()
    house.tenants.set_products(nord.id, ["hr", "payroll"])
    rights = {
        "admin": (),
        "helper": (MANAGE_PEOPLE, "hr.team.read"),
        "reader": (READ_LOG, MANAGE_CLIENTS),
        "employee": ("payroll.run.release",),
        "second admin": (),
    }
    actors, targets = {}, {}
    for name, permissions in rights.items():
        email = f"{name.replace(' ', '-')}@nord.example"
        role = "admin" if "admin" in name else "employee"
        account, membership = house.member(nord, email, role)
        house.tenants.memberships.set_permissions(nord.id, membership.id, permissions)
        actors[name], targets[name] = house.actor(account), membership
    stranger = house.account("sven@sued.example")
    actors |= {"stranger": house.actor(stranger), "cli": Actor.command_line()}
    actors["client"] = Actor.client("HR", "hr", nord.id)
    actors["foreign client"] = Actor.client("HR", "hr", "0" * 32)
    return Company(house, nord, actors, targets)


Deed = Callable[[Company, Actor, str], object]


def permissions(*wanted: str) -> Deed:
    return lambda c, actor, member: c.house.people.set_permissions(
        c.tenant.id, actor, member, wanted
    )


DEEDS: dict[str, Deed] = {
    "lock": lambda c, actor, m: c.house.people.lock_member(c.tenant.id, actor, m, "x"),
    "remove": lambda c, actor, m: c.house.people.remove_member(c.tenant.id, actor, m, "x"),
    "reset": lambda c, actor, m: c.house.people.reset_factors(c.tenant.id, actor, m, "x"),
    "promote": lambda c, actor, m: c.house.people.set_role(c.tenant.id, actor, m, "admin"),
    "grant held": permissions("hr.team.read", "payroll.run.release"),
    "grant not held": permissions("payroll.run.read", "payroll.run.release"),
    "withdraw not held": permissions("hr.team.read"),
    "grant console": permissions(READ_LOG, "payroll.run.release"),
    "products": lambda c, actor, m: c.house.people.set_products(c.tenant.id, actor, m, ["hr"]),
}
NOBODY = {"employee", "reader", "stranger", "foreign client"}
ALL_POWERFUL = {"admin", "cli", "client"}
TABLE: list[tuple[str, str, type[Refused] | None]] = [
    # what, to whom, and what keeps the helper from it
    ("lock", "employee", None),
    ("remove", "employee", None),
    ("reset", "employee", None),
    ("products", "employee", None),
    ("grant held", "employee", None),
    ("grant not held", "employee", NotHeld),
    ("withdraw not held", "employee", NotHeld),
    ("grant console", "employee", NotHeld),
    ("promote", "employee", NotAllowed),
    *((deed, "second admin", OnlyAdmins) for deed in DEEDS if deed != "promote"),
    *((deed, "helper", NotYourself) for deed in ("lock", "remove", "reset", "products")),
    ("grant held", "helper", NotYourself),
]


def test_who_may_do_what_to_whom(company: Company) -> None:
    def attempt(deed: str, actor: str, target: str) -> type[BaseException] | None:
        """What it raises; whatever it did is undone."""
        try:
            with transaction():
                DEEDS[deed](company, company.actors[actor], company.targets[target].id)
                raise InterruptedError
        except InterruptedError:
            return None
        except Refused as refused:
            return type(refused)

    for deed, target, refusal in TABLE:
        assert attempt(deed, "helper", target) is refusal, (deed, target)
        for actor in sorted(NOBODY):
            assert attempt(deed, actor, target) is NotAllowed, (deed, actor, target)
        for actor in sorted(ALL_POWERFUL):
            if target != "helper":
                assert attempt(deed, actor, target) is None, (deed, actor, target)


def test_a_helper_invites_with_what_they_hold_and_no_admins(company: Company) -> None:
    invitations, helper = company.house.people.invitations, company.actors["helper"]
    members = company.house.tenants.memberships
    tenant_id = company.tenant.id

    def invite(role: str = "employee", *granted: str, products: list[str] | None = None) -> object:
        return invitations.invite(
            tenant_id, helper, "nina@nord.example", "Nina", "Neu", role, granted, products=products
        )

    for refusal, attempt in (
        (OnlyAdmins, lambda: invite("admin")),
        (NotHeld, lambda: invite("employee", "payroll.run.read")),
        (NotHeld, lambda: invite("employee", READ_LOG)),
    ):
        with pytest.raises(refusal):
            attempt()
    members.set_products(tenant_id, company.targets["helper"].id, ["hr"])
    for products in (["payroll"], ["hr", "payroll"]):
        with pytest.raises(NotHeld):
            invite(products=products)
    invite("employee", "hr.team.read", products=["hr"])
    # A right that ends is gone at once, whatever the session still believes.
    members.set_permissions(tenant_id, company.targets["helper"].id, ["hr.team.read"])
    with pytest.raises(NotAllowed):
        invite("employee", products=["hr"])


def test_a_helper_whose_permissions_need_a_closed_product_holds_them_no_more(
    company: Company,
) -> None:
    members, tenant_id = company.house.tenants.memberships, company.tenant.id
    helper, employee = company.targets["helper"], company.targets["employee"]
    members.set_products(tenant_id, helper.id, ["payroll"])
    with pytest.raises(NotHeld):
        DEEDS["grant held"](company, company.actors["helper"], employee.id)
