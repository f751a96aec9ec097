"""The product's line to the provider: Authlib's stock Flask client, and nothing it does not do.

Discovery is read at the first use, so a product starts before its provider and outlives its
absence (``ProviderAway``). Added to Authlib: the issuer of the metadata is compared with the
configured one (OIDC Discovery §4.3), as is ``iss`` in a response (RFC 9207 §2.4).
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth, token_update
from flask import Flask, session
from joserfc.errors import JoseError
from requests import RequestException

from clients.shared.config import Manifest, ProductConfig
from clients.shared.identity import join_claims
from clients.shared.sessions import session_digest
from clients.shared.store import SessionStore

NAME = "einlass"
TIMEOUT = 10
EXPIRY_LEEWAY = 60
"""Seconds before its end at which Authlib takes an access token for expired."""
LOCKS = 64


class ProviderAway(Exception):
    """The provider does not answer, or not as one."""


class SignInFailed(Exception):
    """The provider answered, and the answer signs nobody in; ``error`` is its OAuth code."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


class Provider:
    """Sign-on, userinfo and sign-out for one product."""

    def __init__(
        self,
        app: Flask,
        config: ProductConfig,
        manifest: Manifest,
        store: SessionStore,
        now: Callable[[], int],
    ) -> None:
        self._config = config
        self._store = store
        self._now = now
        self._locks = tuple(threading.Lock() for _ in range(LOCKS))
        self._client = OAuth(app).register(
            NAME,
            client_id=config.client_id,
            client_secret=config.client_secret,
            server_metadata_url=config.metadata_url,
            client_kwargs={
                "scope": manifest.scope,
                "code_challenge_method": "S256",
                "default_timeout": TIMEOUT,
            },
        )
        token_update.connect(self._keep_token, app)

    def metadata(self) -> Mapping[str, Any]:
        """The provider's metadata, read once."""
        with _answers():
            values: dict[str, Any] = self._client.load_server_metadata()
        if values.get("issuer") != self._config.issuer:
            values.pop("_loaded_at", None)
            raise ProviderAway("the metadata is another issuer's")
        return values

    def keys(self, fresh: bool) -> Mapping[str, Any]:
        """The provider's key set, from memory unless a fresh one is asked for."""
        self.metadata()
        with _answers():
            keys: Mapping[str, Any] = self._client.fetch_jwk_set(force=fresh)
        return keys

    def begin(self, state: str, **parameters: Any) -> str:
        """Keep state, nonce and verifier in the session; the URL to send the browser to."""
        self.metadata()
        parameters = {name: value for name, value in parameters.items() if value is not None}
        redirect_uri = f"{self._config.base_url}/callback"
        with _answers():
            response = self._client.authorize_redirect(redirect_uri, state=state, **parameters)
        return str(response.location)

    def complete(self, issuer_named: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Redeem the code of the current request: the joined claims, and the token."""
        metadata = self.metadata()
        promised = metadata.get("authorization_response_iss_parameter_supported")
        if issuer_named != self._config.issuer and (promised or issuer_named is not None):
            raise SignInFailed("issuer_mismatch")
        with _answers():
            token = self._client.authorize_access_token(leeway=60)
            id_claims = token.pop("userinfo", None)
            if id_claims is None:
                raise SignInFailed("id_token_missing")
            # Without its refresh token, which Authlib would use at once for a short-lived one.
            bearer = {"access_token": token["access_token"], "token_type": "Bearer"}
            userinfo = self._client.userinfo(token=bearer)
        return self._join(id_claims, userinfo), dict(token)

    def renew_claims(self, claims: Mapping[str, Any]) -> dict[str, Any] | None:
        """The session's claims as userinfo has them now; an expired access token is refreshed.

        None when there is nothing left to ask with. One at a time per session: a refresh token
        that is sent twice ends its family, so the token is read anew once it is our turn.
        """
        self.metadata()
        key = session_digest()
        with self._locks[int(key[:8], 16) % LOCKS], _answers():
            token = (self._store.load(key, self._now()) or {}).get("token", {})
            expired = token.get("expires_at", 0) <= self._now() + EXPIRY_LEEWAY
            if not token or (expired and "refresh_token" not in token):
                return None
            userinfo = self._client.userinfo(token=token)
        return self._join(claims, userinfo)

    def _keep_token(self, app: Flask, *, token: dict[str, Any], **_: Any) -> None:
        """A rotated refresh token replaces the one it was made from before anything else."""
        session["token"] = {**session.get("token", {}), **token}
        self._store.change(session_digest(), {"token": session["token"]}, ())

    def end_session(self, id_token: str | None, ui_locales: str) -> str:
        """The URL that signs out at the provider (OIDC RP-Initiated Logout §2)."""
        self.metadata()
        with _answers():
            response = self._client.logout_redirect(
                post_logout_redirect_uri=f"{self._config.base_url}/signed-out",
                id_token_hint=id_token,
                client_id=self._config.client_id,
                ui_locales=ui_locales,
            )
        return str(response.location)

    def finish_sign_out(self) -> None:
        """Use up the state with which the browser comes back from a sign-out, if it is ours."""
        with contextlib.suppress(OAuthError):
            self._client.validate_logout_response()

    @staticmethod
    def _join(id_claims: Mapping[str, Any], userinfo: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return join_claims(id_claims, userinfo)
        except ValueError as error:
            raise SignInFailed("subject_mismatch") from error


@contextmanager
def _answers() -> Iterator[None]:
    """Tell apart a provider that is away from one that refuses."""
    try:
        yield
    except OAuthError as error:
        raise SignInFailed(error.error or "invalid_response") from error
    except JoseError as error:
        raise SignInFailed("invalid_id_token") from error
    except (RequestException, ValueError) as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status in (400, 401, 403):
            raise SignInFailed("invalid_token") from error
        raise ProviderAway(str(error)) from error
