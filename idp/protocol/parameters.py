"""The parameters of an authorization request by name, and how long and strange each may be."""

import re

MAX_VALUE = 8192
MAX_STATE = 4096
MAX_NONCE = 2000

CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_CONTROL_IN_JSON = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

KNOWN_PARAMETERS = (
    "scope",
    "response_type",
    "client_id",
    "redirect_uri",
    "state",
    "response_mode",
    "nonce",
    "display",
    "prompt",
    "max_age",
    "ui_locales",
    "claims_locales",
    "id_token_hint",
    "login_hint",
    "acr_values",
    "claims",
    "code_challenge",
    "code_challenge_method",
    "request",
    "request_uri",
    "tenant",
)


def is_malformed(name: str, value: str) -> bool:
    """Whether a parameter is too long or has characters that have no place in it."""
    longest = MAX_STATE if name == "state" else MAX_NONCE if name == "nonce" else MAX_VALUE
    forbidden = _CONTROL_IN_JSON if name == "claims" else CONTROL
    return len(value) > longest or forbidden.search(value) is not None
