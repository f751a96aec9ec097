"""A client as it is sent and answered: its metadata under the names of RFC 7591."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from idp.clients.metadata import MAX_REFRESH_GRACE
from idp.web.api.resources.fields import NO_CONTROL, STRICT, Moment, Wire

Uri = Annotated[str, Meta(min_length=1, max_length=2000, pattern=NO_CONTROL)]
Uris = Annotated[list[Uri], Meta(max_length=50)]
Word = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9:._-]+$")]
Scope = Annotated[str, Meta(max_length=1000, pattern=r"^[!#-\[\]-~]+( [!#-\[\]-~]+)*$")]
Seconds = Annotated[int, Meta(ge=0, le=315_360_000)]


class ClientChange(Wire, **STRICT):
    """Metadata of a client under the names of RFC 7591; null takes a member away."""

    client_name: (
        Annotated[str, Meta(min_length=1, max_length=200, pattern=NO_CONTROL)] | UnsetType
    ) = UNSET
    redirect_uris: Uris | UnsetType = UNSET
    post_logout_redirect_uris: Uris | UnsetType = UNSET
    grant_types: Annotated[list[Word], Meta(max_length=10)] | UnsetType = UNSET
    response_types: Annotated[list[Word], Meta(max_length=10)] | UnsetType = UNSET
    application_type: Literal["web", "native"] | UnsetType = UNSET
    scope: Scope | UnsetType | None = UNSET
    token_endpoint_auth_method: Word | UnsetType = UNSET
    token_endpoint_auth_signing_alg: Word | UnsetType | None = UNSET
    jwks: dict[str, Any] | UnsetType | None = UNSET
    jwks_uri: Uri | UnsetType | None = UNSET
    id_token_signed_response_alg: Word | UnsetType = UNSET
    userinfo_signed_response_alg: Word | UnsetType | None = UNSET
    backchannel_logout_uri: Uri | UnsetType | None = UNSET
    backchannel_logout_session_required: bool | UnsetType = UNSET
    frontchannel_logout_uri: Uri | UnsetType | None = UNSET
    initiate_login_uri: Uri | UnsetType | None = UNSET
    client_uri: Uri | UnsetType | None = UNSET
    logo_uri: Uri | UnsetType | None = UNSET
    policy_uri: Uri | UnsetType | None = UNSET
    tos_uri: Uri | UnsetType | None = UNSET
    contacts: (
        Annotated[
            list[Annotated[str, Meta(max_length=320, pattern=NO_CONTROL)]], Meta(max_length=20)
        ]
        | UnsetType
    ) = UNSET
    default_max_age: Seconds | UnsetType | None = UNSET
    require_auth_time: bool | UnsetType = UNSET
    minimum_acr: Annotated[str, Meta(max_length=200, pattern=NO_CONTROL)] | UnsetType | None = UNSET
    require_pkce: bool | UnsetType = UNSET


class PlatformClientChange(ClientChange, **STRICT):
    """The same, with what operators alone set: whether it is the vendor's own (nobody is asked to
    consent then), the product it is, and for how many seconds a refresh token may be used again.
    """

    first_party: bool | UnsetType = UNSET
    product: Word | UnsetType | None = UNSET
    refresh_grace: Annotated[int, Meta(ge=0, le=MAX_REFRESH_GRACE)] | UnsetType = UNSET


class Client(Wire):
    """A client as registered. `company` null: for the whole platform."""

    client_id: str
    client_name: str
    company: str | None
    first_party: bool
    product: str | None
    redirect_uris: list[str]
    post_logout_redirect_uris: list[str]
    grant_types: list[str]
    response_types: list[str]
    application_type: str
    scope: str
    token_endpoint_auth_method: str
    token_endpoint_auth_signing_alg: str | None
    jwks: dict[str, Any] | None
    jwks_uri: str | None
    id_token_signed_response_alg: str
    userinfo_signed_response_alg: str | None
    backchannel_logout_uri: str | None
    backchannel_logout_session_required: bool
    frontchannel_logout_uri: str | None
    initiate_login_uri: str | None
    client_uri: str | None
    logo_uri: str | None
    policy_uri: str | None
    tos_uri: str | None
    contacts: list[str]
    default_max_age: int | None
    require_auth_time: bool
    minimum_acr: str | None
    require_pkce: bool
    refresh_grace: int
    created_at: Moment
    disabled_at: Moment | None
