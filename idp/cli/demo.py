"""``idp demo``: three companies, their people and the three products, to try everything with.

Run as often as wanted: what is there stays as it is, and only the products' registrations follow
their manifests (``clients/<name>/manifest.json``) and the issuer's port. Their secrets are left in
``demo/<name>.json`` in the data folder (0600), where each product reads its own. The password is
published, so none of this is made on an issuer that others can reach.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from idp.cli.context import answer, json_option, refuse, services, settings
from idp.cli.demo_people import make_crowd
from idp.cli.demo_prepared import prepare_people
from idp.core.person import Role
from idp.people.actors import Actor

PASSWORD = "einlass-demo-2026"
PRODUCTS = ("hr", "payroll", "accounting")
MANIFESTS = Path(__file__).resolve().parents[2] / "clients"
ACTOR = Actor.command_line().subject


@dataclass(frozen=True, slots=True)
class Company:
    """A demo company and what it has booked."""

    customer_number: str
    name: str
    products: tuple[str, ...]
    mfa: str
    accent: str
    local: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """A demo account; ``member_of`` maps customer numbers to (role, further permissions)."""

    email: str
    given_name: str
    family_name: str
    locale: str
    about: str
    member_of: Mapping[str, tuple[Role, tuple[str, ...]]] = field(default_factory=dict)
    is_operator: bool = False


NORD, SUED, OST = "012345678", "087654321", "023456781"
COMPANIES = (
    Company(NORD, "Nord GmbH", PRODUCTS, "admins", "#1f4e96"),
    Company(SUED, "Süd AG", ("hr", "payroll"), "everyone", "#8a3b12"),
    Company(OST, "Ost OHG", ("hr",), "admins", "#5b3a8c", local=True),
)
PEOPLE = (
    Person(
        "anna.admin@nord.example",
        "Anna",
        "Albers",
        "de-DE",
        "administrator of Nord GmbH; its policy makes administrators set up a second factor",
        {NORD: ("admin", ())},
    ),
    Person(
        "erik.employee@nord.example",
        "Erik",
        "Engel",
        "de-DE",
        "employee of Nord GmbH; password only, until a payslip asks for more",
        {NORD: ("employee", ())},
    ),
    Person(
        "mara.multi@example.com",
        "Mara",
        "Martens",
        "en-GB",
        "works for Nord GmbH and Süd AG; chooses a company, and Süd asks everyone for two factors",
        {NORD: ("employee", ()), SUED: ("employee", ("hr.team.read",))},
    ),
    Person(
        "oskar.admin@ost.example",
        "Oskar",
        "Ostermann",
        "de-DE",
        "administrator of Ost OHG, whose people still sign in at the product itself",
        {OST: ("admin", ())},
    ),
    Person(
        "otto.operator@einlass.example",
        "Otto",
        "Ohlsen",
        "en-GB",
        "operator of the platform; belongs to no company",
        is_operator=True,
    ),
    Person(
        "olga.operator@einlass.example",
        "Olga",
        "Oster",
        "de-DE",
        "operator as well: letting a locked-out admin in again takes two",
        is_operator=True,
    ),
)
LARGE = Company("034567890", "Werk AG", PRODUCTS, "admins", "#2f6b3a")
WANDA = Person(
    "wanda.werk@werk.example",
    "Wanda",
    "Werk",
    "de-DE",
    "administrator of Werk AG, the large company",
    {LARGE.customer_number: ("admin", ())},
)
ANNA_CLAIMS = {
    "name": "Anna Charlotte Albers",
    "middle_name": "Charlotte",
    "nickname": "Anni",
    "preferred_username": "aalbers",
    "profile": "https://nord.example/people/anna",
    "picture": "https://nord.example/people/anna.jpg",
    "website": "https://anna.nord.example/",
    "gender": "female",
    "birthdate": "1984-06-21",
    "zoneinfo": "Europe/Berlin",
    "phone_number": "+49 431 1234567",
    "phone_number_verified": True,
    "address.formatted": "Anna Albers\nHafenstraße 12\n24103 Kiel\nDeutschland",
    "address.street_address": "Hafenstraße 12",
    "address.locality": "Kiel",
    "address.region": "Schleswig-Holstein",
    "address.postal_code": "24103",
    "address.country": "DE",
}
"""With e-mail, names and locale: every standard claim of OIDC Core §5.1."""

TRY = (
    "Open HR and sign in as Anna: a second factor is set up on the way, then HR opens.",
    "Open payroll: no prompt. Open a payslip: it wants the second factor again.",
    "Sign out of HR, then reload payroll: its session is over too.",
    "Sign in as Mara, choose a company, and use “Switch company” at the foot of the page.",
    "As Anna open the company console: invite somebody, change the policy, register an app.",
    "Add a passkey in your account, sign out, and sign in without the password.",
    "Create an account of your own, and join Nord GmbH by its customer number: Anna lets you in.",
    "As Oskar open “Security policy” and activate central accounts for Ost OHG. Paula gets a link "
    "by mail, Kai (kai.kessler@ost.example) keeps his password, Mara is asked when she signs in.",
)


@click.command()
@click.option(
    "--people", type=click.IntRange(1, 100_000), help="Also a large company of that many people."
)
@json_option
def demo(people: int | None, as_json: bool) -> None:
    """Create the demo companies, people and products once; show how to use them."""
    current = settings()
    if not current.loopback:
        refuse("the demo accounts have a published password; use a loopback IDP_ISSUER for them")
    for company in COMPANIES:
        _make_company(company)
    for person in PEOPLE:
        _make_person(person)
    prepare_people(OST, PASSWORD)
    if people:
        _make_company(LARGE)
        _make_person(WANDA)
        large = services().tenants.get_by_customer_number(LARGE.customer_number)
        make_crowd(services(), large.id, "werk.example", people)
    folder = Path(current.data_dir) / "demo"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    products = [_register(name, current.issuer, folder) for name in PRODUCTS]
    summary = _summary(current.issuer, products)
    answer(summary, as_json, lambda: _print(summary))


def _make_company(company: Company) -> None:
    tenants = services().tenants
    if tenants.find_by_customer_number(company.customer_number) is not None:
        return
    made = tenants.create(
        company.customer_number,
        company.name,
        accent=company.accent,
        local=company.local,
        products=company.products,
        actor=ACTOR,
    )
    tenants.set_policy(made.id, mfa=company.mfa, actor=ACTOR)


def _make_person(person: Person) -> None:
    accounts, tenants = services().accounts, services().tenants
    account = accounts.find_by_email(person.email)
    if account is None:
        account = accounts.create(
            person.email,
            given_name=person.given_name,
            family_name=person.family_name,
            password=PASSWORD,
            email_verified=True,
            locale=person.locale,
            actor=ACTOR,
        )
        if person.email == PEOPLE[0].email:
            accounts.set_claims(account.id, ANNA_CLAIMS, actor=ACTOR)
    if person.is_operator and not account.is_operator:
        accounts.set_operator(account.id, True, actor=ACTOR)
    for customer_number, (role, permissions) in person.member_of.items():
        tenant = tenants.get_by_customer_number(customer_number)
        if tenants.memberships.find(tenant.id, account.id) is not None:
            continue
        membership = tenants.memberships.add(tenant.id, account.id, role=role, actor=ACTOR)
        if permissions:
            granted = {*membership.permissions, *permissions}
            tenants.memberships.set_permissions(tenant.id, membership.id, granted, actor=ACTOR)


def _register(name: str, issuer: str, folder: Path) -> dict[str, Any]:
    """Bring the product's registration in line with its manifest; what its file says now."""
    from idp.clients.registry import UnknownClient

    registry = services().clients
    parts = urlsplit(issuer)
    port = (parts.port or 80) + 1 + PRODUCTS.index(name)
    base = f"{parts.scheme}://{parts.hostname}:{port}"
    metadata = _filled(json.loads((MANIFESTS / name / "manifest.json").read_text()), base)
    version = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode()).hexdigest()
    path = folder / f"{name}.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    try:
        client = registry.get(known.get("client_id", ""))
        secret = known["client_secret"]
    except (UnknownClient, KeyError):
        client, secret = _find_or_register(name, metadata)
        version_before = None
    else:
        version_before = known.get("manifest")
    if version_before != version:
        registry.update(client.client_id, metadata, actor=ACTOR)
    values = {
        "issuer": issuer,
        "client_id": client.client_id,
        "client_secret": secret,
        "base_url": base,
        "port": port,
        "data_dir": str((folder / name).resolve()),
        "manifest": version,
    }
    if values != known:
        _write_private(path, json.dumps(values, indent=2) + "\n")
    return {"name": name, "title": metadata["client_name"], "url": base, "config": str(path)}


def _find_or_register(name: str, metadata: Mapping[str, Any]) -> tuple[Any, str]:
    """The product's client with a new secret: the one there is, else a new one."""
    registry = services().clients
    for client in registry.list():
        if client.first_party and client.product == name and client.tenant_id is None:
            return client, registry.rotate_secret(client.client_id, actor=ACTOR)
    client, secret = registry.register(metadata, first_party=True, created_by=ACTOR)
    if secret is None:
        refuse(f"the manifest of {name} asks for no secret")
    return client, secret


def _filled(value: Any, base: str) -> Any:
    """The manifest with its own address in place of ``{base}``."""
    if isinstance(value, str):
        return value.replace("{base}", base)
    if isinstance(value, list):
        return [_filled(entry, base) for entry in value]
    if isinstance(value, dict):
        return {name: _filled(entry, base) for name, entry in value.items()}
    return value


def _write_private(path: Path, text: str) -> None:
    """Replace the file in one step, readable by its owner alone."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


def _summary(issuer: str, products: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "products": products,
        "provider": {
            "issuer": issuer,
            "account": f"{issuer}/account",
            "console": f"{issuer}/admin",
            "outbox": None if settings().mail.smtp_url else f"{issuer}/dev/outbox",
            "discovery": f"{issuer}/.well-known/openid-configuration",
        },
        "password": PASSWORD,
        "people": [{"email": one.email, "about": one.about} for one in PEOPLE],
        "try": list(TRY),
    }


def _print(summary: Mapping[str, Any]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    def table(first: str, second: str, rows: list[tuple[str, str]]) -> Table:
        made = Table(box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
        made.add_column(first, no_wrap=True, style="bold")
        made.add_column(second)
        for row in rows:
            made.add_row(*row)
        return made

    console, provider = Console(highlight=False), summary["provider"]
    addresses = [(product["title"], product["url"]) for product in summary["products"]]
    addresses += [
        ("Your account", provider["account"]),
        ("Company console", provider["console"]),
        ("Discovery", provider["discovery"]),
    ]
    if provider["outbox"]:
        addresses.append(("Mail that was sent", provider["outbox"]))
    console.print(table("Open", "Address", addresses))
    people = [(person["email"], person["about"]) for person in summary["people"]]
    console.print(table("Sign in as", f"Password of all: {summary['password']}", people))
    steps = [(str(number), step) for number, step in enumerate(summary["try"], 1)]
    console.print(table("", "What to try", steps))
