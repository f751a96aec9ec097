"""Clients, in the company's console and in the operators': the same pages in either frame.

``base`` is where the list is (``/admin/<customer number>/clients`` or ``/operator/clients``); below
it ``/new``, ``/check``, ``/<client_id>``, and there ``/edit``, ``/test``, ``/test/<trial_id>``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal

from idp.clients.secrets import SecretFacts
from idp.web.contexts.admin import AdminFrame
from idp.web.contexts.base import Me, Page

Kind = Literal["web", "browser", "native", "service"]


@dataclass(frozen=True, kw_only=True)
class FieldProblem:
    """What is wrong with a field (``client_words.PROBLEMS``), and in which line of it."""

    code: str
    line: int | None = None
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ClientsPage(Page):
    """Common to all; ``frame`` in a company's console, ``me`` in the operators'."""

    section: ClassVar[str] = "clients"
    layout: str = "admin/_layout.html"
    base: str
    frame: AdminFrame | None = None
    me: Me | None = None

    @property
    def for_operators(self) -> bool:
        """Whether it stands in the operators' console."""
        return self.frame is None


@dataclass(frozen=True, kw_only=True)
class ClientRow:
    """A client in the list. ``company``: whose it is; empty for the platform's."""

    client_id: str
    name: str
    redirect_uri: str = ""
    created_at: datetime | None = None
    disabled: bool = False
    first_party: bool = False
    company: str = ""
    customer_number: str = ""
    failed: int = 0


@dataclass(frozen=True, kw_only=True)
class Clients(ClientsPage):
    """Search by GET ``q`` and ``owner`` (operators)."""

    template: ClassVar[str] = "clients/list.html"
    step: ClassVar[str] = "clients"

    clients: tuple[ClientRow, ...] = ()
    discovery_url: str = ""
    query: str = ""
    owner: str = "all"
    total: int = 0
    next_url: str = ""
    first_url: str = ""


@dataclass(frozen=True, kw_only=True)
class ClientValues:
    """What stands in the form, under the names of RFC 7591 where there is one; texts as typed."""

    client_name: str = ""
    kind: Kind = "web"
    redirect_uris: str = ""
    post_logout_redirect_uris: str = ""
    scopes: frozenset[str] = frozenset({"profile", "email", "tenant"})
    resource_scope: str = ""
    management_scopes: frozenset[str] = frozenset()
    offline_access: bool = False
    token_endpoint_auth_method: str = "client_secret_basic"
    jwks: str = ""
    jwks_uri: str = ""
    require_pkce: bool = False
    minimum_acr: str = ""
    default_max_age: str = ""
    require_auth_time: bool = False
    backchannel_logout_uri: str = ""
    backchannel_logout_session_required: bool = False
    frontchannel_logout_uri: str = ""
    initiate_login_uri: str = ""
    id_token_signed_response_alg: str = "RS256"
    userinfo_signed_response_alg: str = ""
    logo_uri: str = ""
    client_uri: str = ""
    policy_uri: str = ""
    tos_uri: str = ""
    contacts: str = ""
    refresh_grace: str = ""
    standing: str = "partner"
    customer_number: str = ""
    product: str = ""


@dataclass(frozen=True, kw_only=True)
class Consequence:
    """What saving would do to those who use the client (``client_words.CONSEQUENCES``)."""

    code: str
    value: str = ""


@dataclass(frozen=True, kw_only=True)
class ClientForm(ClientsPage):
    """Register (``client_id`` empty) or change. Posts the fields of ``ClientValues``, ``scope``
    (many), ``management_scope`` (many), and ``confirmed`` once the consequences were read.
    """

    template: ClassVar[str] = "clients/form.html"
    step: ClassVar[str] = "client-form"
    languages: ClassVar[bool] = False

    values: ClientValues = field(default_factory=ClientValues)
    problems: Mapping[str, tuple[FieldProblem, ...]] = field(default_factory=dict)
    client_id: str = ""
    company: str = ""
    may_grant_management: bool = False
    management_choices: tuple[str, ...] = ()
    product_choices: tuple[tuple[str, str], ...] = ()
    """Key and label of the catalogue's products."""
    consequences: tuple[Consequence, ...] = ()
    confirmed: str = ""


@dataclass(frozen=True, kw_only=True)
class ClientCreated(ClientsPage):
    """The secret is shown this once; also after rotation (``rotated``, ``old_until``)."""

    template: ClassVar[str] = "clients/created.html"
    step: ClassVar[str] = "client-created"
    languages: ClassVar[bool] = False

    client_id: str
    client_name: str
    secret: str = ""
    discovery_url: str
    kind: Kind = "web"
    rotated: bool = False
    old_until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class FailedFlowRow:
    """A failed flow (``protocol.failed_flows``); ``person`` only for members of the company."""

    at: datetime
    endpoint: str
    error: str
    by_person: bool = False
    proven: bool = False
    parameter: str = ""
    why: str = ""
    mend: str = ""
    value: str = ""
    address: str = ""
    reference: str = ""
    person: str = ""


@dataclass(frozen=True, kw_only=True)
class ClientDetail(ClientsPage):
    """Forms with hidden ``action``: ``rotate-secret`` (``overlap_hours``), ``end-secret``
    (``secret``), ``disable``, ``enable``, ``delete`` (``confirm_name``).
    """

    template: ClassVar[str] = "clients/detail.html"
    step: ClassVar[str] = "client"

    client_id: str
    client_name: str
    discovery_url: str
    values: ClientValues
    company: str = ""
    product: str = ""
    first_party: bool = False
    scope: str = ""
    created_at: datetime | None = None
    created_by: str = ""
    disabled_at: datetime | None = None
    locked: bool = False
    """It may use the management API, so that only a full admin may change it."""
    secrets: tuple[SecretFacts, ...] = ()
    failed_flows: tuple[FailedFlowRow, ...] | None = ()
    """None: the log is away."""
    failed: str = ""
    """The ``action`` whose form was not carried out, as it was filled in."""
    overlap_hours: str = ""
    confirm_name: str = ""


@dataclass(frozen=True, kw_only=True)
class CheckRow:
    """A check of the authorization endpoint; ``why`` and ``mend`` where it refuses."""

    name: str
    good: bool = True
    error: str = ""
    parameter: str = ""
    why: str = ""
    mend: str = ""


@dataclass(frozen=True, kw_only=True)
class ClientTest(ClientsPage):
    """Posts ``request`` (an authorization request to judge) with ``action=run`` for a dry run.

    ``checked``: it was posted, so what came of it gets the focus.
    """

    template: ClassVar[str] = "clients/test.html"
    step: ClassVar[str] = "client-test"
    languages: ClassVar[bool] = False

    client_id: str
    client_name: str
    kind: Kind = "web"
    token_endpoint: str = ""
    request: str = ""
    checks: tuple[CheckRow, ...] = ()
    checked: bool = False
    start_url: str = ""
    real_url: str = ""
    disabled: bool = False


@dataclass(frozen=True, kw_only=True)
class ClientTestResult(ClientsPage):
    """What the client would be told of this very person, or why it would be told nothing."""

    template: ClassVar[str] = "clients/test_result.html"
    step: ClassVar[str] = "client-test-result"
    languages: ClassVar[bool] = False

    client_id: str
    client_name: str
    refusal: CheckRow | None = None
    consent: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    redirect_uri: str = ""
    id_token: str = ""
    userinfo: str = ""
