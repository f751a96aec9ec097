"""Apache with Debian's mod_auth_openidc, unmodified: sign-on, refresh, sign-out, notices."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from tests.support.forms import Browser, Page, Person, advance
from tests.support.net import free_port, wait_for
from tests.support.peers import need, need_file
from tests.support.provider import Provider
from tests.support.relying_party import RelyingParty

pytestmark = pytest.mark.peer
MODULES = Path("/usr/lib/apache2/modules")

CONFIG = """
ServerRoot "{folder}"
ServerName localhost
Listen 127.0.0.1:{port}
PidFile "{folder}/httpd.pid"
DefaultRuntimeDir "{folder}"
ErrorLog "{folder}/error.log"
LogLevel warn auth_openidc:info
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authn_core_module {modules}/mod_authn_core.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule authz_user_module {modules}/mod_authz_user.so
LoadModule dir_module {modules}/mod_dir.so
LoadModule headers_module {modules}/mod_headers.so
LoadModule auth_openidc_module {modules}/mod_auth_openidc.so
{user}
StartServers 1
ThreadsPerChild 8
ServerLimit 2
MaxRequestWorkers 16
DocumentRoot "{folder}/www"
DirectoryIndex index.html
OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
OIDCClientID {client_id}
OIDCClientSecret {client_secret}
OIDCRedirectURI {base}/secure/redirect_uri
OIDCDefaultURL {base}/secure/
OIDCCryptoPassphrase {passphrase}
OIDCScope "openid profile email offline_access"
OIDCPKCEMethod S256
OIDCInfoHook iat access_token refresh_token id_token userinfo session
OIDCRefreshAccessTokenBeforeExpiry 1
OIDCCacheShmMax 500
OIDCStateTimeout 300
<Location /secure/>
    AuthType openid-connect
    Require valid-user
    Header set X-Signed-In-As "expr=%{{REMOTE_USER}}"
</Location>
"""


class Apache:
    """An Apache of our own: a random port, a generated configuration, nothing of the system's."""

    def __init__(self, provider: Provider) -> None:
        program = need("Apache", "apache2", "httpd")
        need_file("Apache mod_auth_openidc", MODULES / "mod_auth_openidc.so")
        self.port = free_port()
        self.base = f"http://localhost:{self.port}"
        self.client = RelyingParty.register(
            provider,
            redirect_uris=[f"{self.base}/secure/redirect_uri"],
            post_logout_redirect_uris=[f"{self.base}/after.html"],
            backchannel_logout_uri=f"{self.base}/secure/redirect_uri?logout=backchannel",
            backchannel_logout_session_required=True,
        )
        self.folder = Path(tempfile.mkdtemp(prefix="einlass-apache-"))
        self.folder.chmod(0o755)
        www = self.folder / "www"
        (www / "secure").mkdir(parents=True)
        (www / "secure" / "index.html").write_text("<p>behind the door</p>")
        (www / "after.html").write_text("<p>signed out</p>")
        user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
        if user:
            shutil.chown(self.folder, "www-data")
        config = self.folder / "httpd.conf"
        config.write_text(
            CONFIG.format(
                folder=self.folder,
                port=self.port,
                base=self.base,
                modules=MODULES,
                user=user,
                issuer=provider.issuer,
                client_id=self.client.client_id,
                client_secret=self.client.client_secret,
                passphrase="only-for-this-test",
            )
        )
        with (self.folder / "stderr.log").open("wb") as complaints:
            self._process = subprocess.Popen(
                [program, "-f", str(config), "-DFOREGROUND"],
                stdout=subprocess.DEVNULL,
                stderr=complaints,
            )
        wait_for(
            "Apache",
            lambda: requests.get(f"{self.base}/after.html", timeout=5).ok,
            ignoring=(requests.RequestException,),
        )

    @property
    def log(self) -> str:
        """What it complained about."""
        return "".join(
            path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log"))
        )

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def apache(provider: Provider) -> Iterator[Apache]:
    running = Apache(provider)
    yield running
    running.close()


@pytest.fixture
def visitor(provider: Provider, apache: Apache) -> Browser:
    return provider.browser(also=[apache.base])


def enter(apache: Apache, visitor: Browser, person: Person) -> Page:
    page = advance(visitor.open(f"{apache.base}/secure/"), person)
    assert page.status == 200, (page, apache.log)
    assert "behind the door" in page.text, (page, apache.log)
    return page


def info(apache: Apache, visitor: Browser) -> requests.Response:
    return visitor.session.get(
        f"{apache.base}/secure/redirect_uri?info=json", allow_redirects=False, timeout=30
    )


def test_sign_on(apache: Apache, visitor: Browser, employee: Person) -> None:
    page = enter(apache, visitor, employee)
    known = info(apache, visitor).json()
    assert known["userinfo"]["email"] == employee.email
    assert page.response.headers["X-Signed-In-As"].startswith(known["id_token"]["sub"])


def test_refresh(apache: Apache, visitor: Browser, employee: Person) -> None:
    enter(apache, visitor, employee)
    before = info(apache, visitor).json()
    back = quote(f"{apache.base}/secure/", safe="")
    page = visitor.open(
        f"{apache.base}/secure/redirect_uri?refresh={back}&access_token={before['access_token']}"
    )
    assert "error_code" not in page.url, (page, apache.log)
    after = info(apache, visitor).json()
    assert after["access_token"] != before["access_token"]
    assert after["refresh_token"] != before["refresh_token"]


def test_sign_out(provider: Provider, apache: Apache, visitor: Browser, employee: Person) -> None:
    enter(apache, visitor, employee)
    after = quote(f"{apache.base}/after.html", safe="")
    page = visitor.open(f"{apache.base}/secure/redirect_uri?logout={after}")
    if page.step == "logout":
        page = page.form().submit()
    assert "signed out" in page.text, (page, apache.log)
    page = visitor.open(f"{apache.base}/secure/")
    assert page.step in ("identify", "password")


def test_a_sign_out_elsewhere_ends_its_session(
    provider: Provider, apache: Apache, visitor: Browser, employee: Person, rp: RelyingParty
) -> None:
    enter(apache, visitor, employee)
    tokens = rp.sign_on(visitor)
    page = visitor.open(f"{provider.endpoint('end_session')}?id_token_hint={tokens.id}")
    assert page.step == "logged-out", page

    def is_over() -> bool:
        answer = visitor.session.get(f"{apache.base}/secure/", allow_redirects=False, timeout=30)
        return answer.status_code == 302

    wait_for("the notice to Apache", is_over, seconds=30)
