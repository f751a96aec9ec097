"""What a relying-party developer should change: parameter, reason, remedy (capability O7).

Fixed texts only, so that nothing a stranger sent is ever echoed. Each is printable ASCII without
quote and backslash, as ``error_description`` demands (RFC 6749 §4.1.2.1 and §5.2); a test holds
every hint of this module to that.
"""

from typing import NamedTuple


class Hint(NamedTuple):
    """Which parameter, why it was refused, how to mend it."""

    parameter: str
    why: str
    mend: str

    def __str__(self) -> str:
        return f"{self.parameter} {self.why}: {self.mend}."


ACTIVATION_POSTPONED = Hint(
    "the activation",
    "was postponed by the person",
    "let them sign in with the login of your own until the cut-off of their company",
)
CLIENT_ID_MISSING = Hint("client_id", "is missing", "send the client_id of your registration")
CLIENT_ID_UNKNOWN = Hint(
    "client_id", "is not registered here", "compare it with your registration, or register first"
)
REDIRECT_URI_MISSING = Hint(
    "redirect_uri", "is missing", "send one of the registered redirect_uris in every request"
)
REDIRECT_URI_UNREGISTERED = Hint(
    "redirect_uri",
    "is not registered for this client",
    "register it, or send a registered one; they are compared character by character, "
    "query included",
)
REPEATED = Hint("a parameter", "was sent more than once", "send every parameter once")
MALFORMED = Hint(
    "a parameter",
    "has control characters or is too long",
    "send at most 8192 characters (state 4096, nonce 2000) and none below U+0020",
)
REQUEST_OBJECT = Hint(
    "request", "is not supported", "send the parameters themselves instead of a request object"
)
REQUEST_URI = Hint(
    "request_uri", "is not supported", "send the parameters themselves instead of a reference"
)
RESPONSE_TYPE_MISSING = Hint("response_type", "is missing", "send response_type=code")
RESPONSE_TYPE_UNSUPPORTED = Hint(
    "response_type", "is not supported here", "use one of response_types_supported, such as code"
)
RESPONSE_TYPE_UNREGISTERED = Hint(
    "response_type",
    "is not registered for this client",
    "add it to the response_types of the client, and authorization_code to its grant_types",
)
RESPONSE_MODE = Hint(
    "response_mode", "is not supported here", "use query, fragment or form_post, or leave it out"
)
PKCE_MISSING = Hint(
    "code_challenge",
    "is missing and this client must use PKCE",
    "send code_challenge and code_challenge_method=S256",
)
PKCE_METHOD = Hint(
    "code_challenge_method",
    "is not S256",
    "send code_challenge_method=S256; plain is not accepted, and plain is the default",
)
PKCE_CHALLENGE = Hint(
    "code_challenge",
    "is not the base64url form of a SHA-256 digest",
    "send the 43 characters of BASE64URL(SHA256(code_verifier)) without padding",
)
PKCE_METHOD_ALONE = Hint(
    "code_challenge", "is missing beside code_challenge_method", "send both or neither"
)
SCOPE_MISSING = Hint("scope", "is missing", "send scope=openid and what else you need")
SCOPE_NOTHING_LEFT = Hint(
    "scope",
    "names nothing this client may have",
    "compare it with scopes_supported and with the scope of your registration",
)
SCOPE_EXCEEDS = Hint(
    "scope", "exceeds what was granted", "send no more than the granted scope, or leave it out"
)
PROMPT_UNKNOWN = Hint(
    "prompt", "has an unknown value", "use none, login, consent or select_account"
)
PROMPT_NONE_ALONE = Hint("prompt", "combines none with others", "send none alone, or leave it out")
MAX_AGE = Hint("max_age", "is not a number", "send a whole number of seconds, 0 or more")
CLAIMS = Hint(
    "claims",
    "is not the JSON object it should be",
    "send an object with the members userinfo and id_token, whose members are null or objects",
)
ACR_UNREACHABLE = Hint(
    "claims",
    "demands an acr that is not offered here",
    "use one of acr_values_supported, or make it voluntary",
)
ACR_NOT_REACHED = Hint(
    "acr_values", "demands more than this sign-in reached", "start again without prompt=none"
)
LOGIN_REQUIRED = Hint(
    "prompt",
    "is none but the person has to sign in",
    "repeat the request without prompt=none",
)
CONSENT_REQUIRED = Hint(
    "prompt",
    "is none but the person has to consent",
    "repeat the request without prompt=none",
)
HINT_MISMATCH = Hint(
    "id_token_hint",
    "names somebody other than the person signed in",
    "repeat the request without id_token_hint",
)
PERSON_NOT_ENTITLED = Hint(
    "client_id",
    "belongs to a product or company this person has no access to",
    "an admin of the company can give access",
)

GRANT_TYPE_MISSING = Hint("grant_type", "is missing", "send it in the form body of a POST")
GRANT_TYPE_UNSUPPORTED = Hint(
    "grant_type", "is not supported here", "use one of grant_types_supported"
)
GRANT_TYPE_UNREGISTERED = Hint(
    "grant_type",
    "is not registered for this client",
    "add it to the grant_types of the client",
)
CLIENT_AUTH_MISSING = Hint(
    "client authentication",
    "is missing",
    "authenticate with the token_endpoint_auth_method of your registration",
)
CLIENT_AUTH_FAILED = Hint(
    "client authentication",
    "failed",
    "check client_id, secret or key, and that the method is the registered "
    "token_endpoint_auth_method",
)
CLIENT_AUTH_TWICE = Hint(
    "client authentication",
    "was sent in more than one way",
    "use the Authorization header, client_secret or client_assertion, only one of them",
)
CLIENT_PUBLIC = Hint(
    "client authentication",
    "is needed here and this client has none",
    "register the client with a token_endpoint_auth_method other than none",
)
ASSERTION = Hint(
    "client_assertion",
    "was not accepted",
    "sign it with a registered key and algorithm; iss and sub are the client_id, aud the issuer "
    "or token endpoint, exp near, jti new each time",
)
CODE_MISSING = Hint("code", "is missing", "send the code from the authorization response")
CODE_INVALID = Hint(
    "code",
    "is unknown, expired, already used or of another client",
    "redeem a code once, at once, by the client that asked for it",
)
REDIRECT_URI_DIFFERS = Hint(
    "redirect_uri",
    "differs from the authorization request",
    "send the same redirect_uri to both endpoints",
)
VERIFIER_MISSING = Hint(
    "code_verifier",
    "is missing and the authorization request had a code_challenge",
    "send the code_verifier the challenge was made from",
)
VERIFIER_WRONG = Hint(
    "code_verifier",
    "does not match the code_challenge",
    "send the code_verifier (43 to 128 characters) the challenge was made from",
)
VERIFIER_UNEXPECTED = Hint(
    "code_verifier",
    "was sent but the authorization request had no code_challenge",
    "send code_challenge in the authorization request as well",
)
NO_LONGER_ENTITLED = Hint(
    "the grant",
    "no longer holds for this person",
    "send the person through the authorization endpoint again",
)
REFRESH_TOKEN_MISSING = Hint("refresh_token", "is missing", "send the latest refresh_token")
REFRESH_TOKEN_INVALID = Hint(
    "refresh_token",
    "is unknown, expired, revoked, already used or of another client",
    "always keep the latest refresh_token; if it is lost, start a new authorization",
)
TOKEN_MISSING = Hint("token", "is missing", "send the token in the form body of a POST")
TOKEN_OF_OTHER_CLIENT = Hint(
    "token", "was issued to another client", "only the client it was issued to may revoke it"
)
ACCESS_TOKEN_INVALID = Hint(
    "the access token", "is malformed, expired or revoked", "get a new one and send it unchanged"
)
ACCESS_TOKEN_TWICE = Hint(
    "the access token",
    "was sent in more than one way",
    "send it in the Authorization header or as access_token in the body",
)
OPENID_SCOPE_NEEDED = Hint(
    "scope", "of the access token lacks openid", "ask for scope openid in the authorization request"
)
LOGOUT_HINT_INVALID = Hint(
    "id_token_hint",
    "is not an ID token issued here to this client",
    "send the last ID token you received, unchanged; an expired one will do",
)
LOGOUT_HINT_MISSING = Hint(
    "id_token_hint",
    "is missing, so there is no redirect after sign-out",
    "send the last ID token you received",
)
LOGOUT_URI_UNREGISTERED = Hint(
    "post_logout_redirect_uri",
    "is not registered for this client",
    "register it, or send a registered one; they are compared character by character",
)
POST_ONLY = Hint("the method", "is not POST", "send a POST with a form body")
