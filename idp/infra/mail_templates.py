"""Mail from its templates: subject, plain text and simple HTML, in the reader's language.

``render_mail`` is handed to the delivery worker by the wiring. Every mail is declared here with
what it must be told; anything further (``ip``, ``given_name``, ``link``) is said when it is given.
``reply_to`` is whose address an answer goes to.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from textwrap import fill

from babel.dates import format_datetime, get_timezone_name
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from idp.infra.i18n import LOCALES, REGIONS, known_locale, translations, zone_of

TEMPLATES = Path(__file__).parent.parent.parent / "templates"
PRODUCT_NAME = "Einlass"
_WIDTH = 76

MAILS: Mapping[str, frozenset[str]] = {
    "password-reset": frozenset({"link", "minutes"}),
    "password-changed": frozenset(),
    "invitation": frozenset({"link", "days", "tenant_name"}),
    "email-code": frozenset({"code", "minutes"}),
    "sign-in-code": frozenset({"code", "minutes"}),
    "mfa-enabled": frozenset(),
    "mfa-disabled": frozenset(),
    "mfa-always": frozenset(),
    "mfa-on-demand": frozenset(),
    "factor-added": frozenset({"factor", "link"}),
    "factor-removed": frozenset({"factor", "link"}),
    "profile-changed": frozenset({"link"}),
    "app-password-created": frozenset({"link", "tenant_name", "comment"}),
    "account-deleted": frozenset({"email"}),
    "letter": frozenset({"person_name", "person_email", "tenant_name", "text", "link"}),
    "recovery-codes-renewed": frozenset(),
    "factors-reset": frozenset(),
    "passkey-copied": frozenset({"link", "passkey_name"}),
    "enrol-reminder": frozenset({"link", "tenant_name"}),
    "bypass-granted": frozenset({"tenant_name", "until"}),
    "new-sign-in": frozenset({"link", "days"}),
    "account-secured": frozenset({"link"}),
    "guessing": frozenset({"link"}),
    "factor-stopped": frozenset({"link"}),
    "help-wanted": frozenset({"link", "tenant_name", "person_name", "person_email", "reason"}),
    "help-requested": frozenset({"link", "tenant_name"}),
    "recovery-requested": frozenset({"link", "tenant_name", "days"}),
    "recovery-case": frozenset({"link", "tenant_name", "days", "person_email"}),
    "recovery-halfway": frozenset({"link", "tenant_name"}),
    "recovery-approved": frozenset({"link"}),
    "recovery-refused": frozenset({"link", "reason"}),
    "recovery-cancelled": frozenset({"link", "tenant_name"}),
    "account-exists": frozenset({"link", "reset_link"}),
    "member-refused": frozenset({"tenant_name"}),
    "admin-request": frozenset({"link", "tenant_name", "person_name", "person_email", "reason"}),
    "admin-request-operator": frozenset(
        {"link", "tenant_name", "person_name", "person_email", "reason"}
    ),
    "admin-granted": frozenset({"link", "tenant_name"}),
    "admin-refused": frozenset({"link", "tenant_name", "reason"}),
    "member-waiting": frozenset({"link", "tenant_name", "person_name", "person_email"}),
    "member-admitted": frozenset({"link", "tenant_name"}),
    "activation": frozenset({"link", "tenant_name", "way"}),
    "activation-reminder": frozenset({"link", "tenant_name", "way"}),
    "activation-postponed": frozenset({"link", "tenant_name", "way", "cutover"}),
    "activation-done": frozenset({"link", "tenant_name", "person_name"}),
}
"""Each mail with the values it cannot do without."""


@dataclass(frozen=True, slots=True)
class RenderedMail:
    """A mail ready to send."""

    subject: str
    text: str
    html: str
    reply_to: str = ""


def render_mail(name: str, locale: str, context: Mapping[str, object]) -> RenderedMail:
    """The mail in that language.

    :raises LookupError: when there is no such mail, or a value it needs is missing.
    """
    if missing := MAILS[name] - context.keys():
        raise LookupError(f"mail {name} needs {', '.join(sorted(missing))}")
    language = known_locale(locale) or LOCALES[0]
    plain, html = _environment(language, False), _environment(language, True)
    subject = " ".join(plain.get_template(f"email/{name}/subject.txt").render(context).split())
    return RenderedMail(
        subject=subject,
        text=_wrapped(plain.get_template(f"email/{name}/body.txt").render(context)),
        html=html.get_template(f"email/{name}/body.html").render({**context, "subject": subject}),
        reply_to=str(context.get("reply_to", "")),
    )


@cache
def _environment(locale: str, escape: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=escape,  # noqa: S701 - off for subject and plain text only
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    messages = translations(locale)
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        messages.gettext, messages.ngettext, newstyle=True
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.globals.update(lang=locale, product_name=PRODUCT_NAME)
    environment.filters["moment"] = _moment(locale)
    return environment


def _moment(locale: str) -> Callable[[str, str | None], str]:
    """The filter that says an ISO 8601 moment in a time zone: "24 March 2026, 14:05 CET"."""
    pattern = "d. MMMM y, HH:mm" if locale == "de" else "d MMMM y, HH:mm"

    def said(moment: str, zone: str | None = None) -> str:
        local = datetime.fromisoformat(moment).astimezone(zone_of(zone))
        region = REGIONS[locale]
        short = get_timezone_name(local, width="short", locale=region)
        return f"{format_datetime(local, pattern, locale=region)} {short}"

    return said


def _wrapped(text: str) -> str:
    """Paragraphs of plain text at a readable width; links are never broken."""
    paragraphs = (paragraph.strip("\n") for paragraph in re.split(r"\n{2,}", text.strip()))
    return (
        "\n\n".join(
            fill(paragraph, _WIDTH, break_long_words=False, break_on_hyphens=False)
            if "\n" not in paragraph
            else paragraph
            for paragraph in paragraphs
        )
        + "\n"
    )
