"""What pages of clients say of codes: problems of fields, consequences, checks, failed flows."""

from collections.abc import Callable, Mapping
from typing import Any

from idp.infra.i18n import mark as _

PROBLEMS = {
    "client-name-required": _("Enter a name that your people will recognise."),
    "redirect-uri-required": _("Enter at least one redirect URI."),
    "uri-length": _("Shorten this address to 2000 characters."),
    "uri-characters": _(
        "This has blanks or letters that an address cannot have. Write them percent-encoded, "
        "for example %%20 for a blank."
    ),
    "uri-foreign-host": _(
        "This has letters that are not plain ASCII and may be look-alikes. The name server knows "
        "the host as %(host)s: if that is yours, write it so."
    ),
    "uri-fragment": _("This has a fragment. Leave out the # and all that follows it."),
    "uri-malformed": _("This is no well-formed address. Copy it once more from your program."),
    "uri-scheme": _("Begin it with https://."),
    "uri-user": _("Leave out the user name before the @."),
    "uri-no-host": _("Name the host after https://."),
    "uri-wildcard": _("Wildcards are not possible. List each address in a line of its own."),
    "uri-dots": _("Leave out the . and .. between the slashes."),
    "uri-http": _("This uses http. Only localhost, 127.0.0.1 and [::1] may; use https."),
    "uri-native-only": _(
        "Only an app on a phone or computer may have an address of its own scheme. Use https."
    ),
    "uri-private-scheme": _(
        "The scheme needs a dot, best your own domain backwards: com.example.app:/callback."
    ),
    "uri-private-host": _("Leave out the host: com.example.app:/callback, with one slash."),
    "uri-host": _("This names no valid host."),
    "uris-many": _("List 50 addresses at most."),
    "too-long": _("This is too long."),
    "client-text-invalid": _("Leave out line breaks and invisible characters."),
    "contacts-invalid": _("List 20 e-mail addresses at most, one a line."),
    "scope-invalid": _("List names with one blank between them, such as orders.read orders.write."),
    "scope-management": _(
        "Names that begin with einlass: are granted below by an admin, and to services alone."
    ),
    "jwks-both": _("Give the keys themselves or their address, not both."),
    "jwks-needed": _("Give the public keys, or the address where they are published."),
    "jwks-invalid": _(
        "This is no JWK Set: a JSON object whose member “keys” lists 1 to 20 keys of kind RSA, EC "
        "or OKP."
    ),
    "jwks-private": _(
        "This set gives a private key away. Make a new key pair and enter its public half only."
    ),
    "seconds-invalid": _("Enter a whole number of seconds, 0 or more."),
    "customer-number-unknown": _(
        "We do not know this customer number. Check it, or ask somebody at your company."
    ),
    "customer-number-required": _("Enter your company’s customer number."),
    "client-metadata-invalid": _("The registration was refused: %(reason)s"),
}
LINE = _("Line %(line)s: %(problem)s")

CONSEQUENCES = {
    "redirect-uri-removed": _("Sign-ins that return to %(value)s stop working."),
    "post-logout-removed": _("Signing out no longer leads back to %(value)s."),
    "method-changed": _(
        "The program has to identify itself the new way at once; until it does, it gets no tokens."
    ),
    "keys-changed": _("What the program signs with its former keys is refused."),
    "pkce-demanded": _("Sign-ins without PKCE are refused."),
    "acr-raised": _(
        "People are asked for more proof at their next sign-in; who cannot give it, stays out."
    ),
    "secret-renewed": _(
        "The program gets a new secret, and the old one ends at once: "
        "whoever knows it must not have these powers."
    ),
    "refresh-off": _("Refresh tokens are no longer accepted; people have to sign in again."),
    "scope-removed": _("The program no longer gets what belongs to the scope %(value)s."),
    "backchannel-removed": _("The program is no longer told when somebody’s session ends."),
    "alg-changed": _(
        "ID tokens are signed with %(value)s; a program that expects another refuses them."
    ),
    "consent-asked": _("People are asked for their consent from now on."),
    "consent-skipped": _("People are no longer asked for their consent."),
    "product-changed": _("Only people of companies that have booked %(value)s get in."),
}

CHECKS = {
    "load_client": _("The client is registered and in service"),
    "match_redirect": _("The redirect URI is a registered one"),
    "aim_response": _("Errors can be told to the client"),
    "reject_repeated_parameters": _("Every parameter is sent once"),
    "reject_malformed_values": _("No value is too long or has control characters"),
    "reject_request_objects": _("Nothing is sent as a request object"),
    "check_response_type": _("The response type is registered"),
    "check_response_mode": _("The response mode is known"),
    "check_scope": _("The scope leaves something to be granted"),
    "check_pkce": _("PKCE is as it should be"),
    "keep_nonce": _("The nonce can be returned"),
    "check_prompt": _("The prompt is known"),
    "check_max_age": _("The maximum age is a number"),
    "check_claims": _("The claims parameter can be read"),
    "check_acr": _("The strength asked for can be reached"),
    "check_id_token_hint": _("The ID token hint can be read"),
    "keep_preferences": _("Wishes are noted"),
}

ENDINGS = {
    "denied": _("The person turned back."),
    "locked": _("The person’s account or membership is locked."),
    "not-booked": _("The person has not been given the product, or the company has not booked it."),
    "no-company": _("The person belongs to no company through which the client can be entered."),
    "no-allowed-factor": _("The person has no second factor that would count."),
    "waiting": _("The person waits to be let in by an admin."),
}

ENDPOINTS = {
    "authorize": _("Sign-in"),
    "token": _("Token request"),
    "introspect": _("Introspection"),
    "revoke": _("Revocation"),
    "end-session": _("Sign-out"),
}

MANAGEMENT = {
    "einlass:company.read": _("Read the company’s data"),
    "einlass:company.write": _("Change the company’s data"),
    "einlass:people.read": _("Read who belongs to the company"),
    "einlass:people.write": _("Invite, change, lock and remove people"),
    "einlass:policy.read": _("Read the security policy"),
    "einlass:policy.write": _("Change the security policy"),
    "einlass:clients.read": _("Read the client apps"),
    "einlass:clients.write": _("Register and change client apps, and make their secrets"),
    "einlass:log.read": _("Read the change log"),
    "einlass:imports.write": _("Import people"),
    "einlass:activation.read": _("Read how far the activation is"),
    "einlass:activation.write": _("Activate central accounts"),
    "einlass:operator": _("Everything an operator may do, in every company"),
}

KINDS = {
    "web": _("Website with a server"),
    "browser": _("Single-page application in the browser"),
    "native": _("App on a phone or computer"),
    "service": _("Service without people"),
}


def problem_sentence(say: Callable[[str], str], problem: Any) -> str:
    """A :class:`~idp.web.contexts.FieldProblem` in words, with the line it is in."""
    text = say(PROBLEMS.get(problem.code, PROBLEMS["client-metadata-invalid"]))
    text = text % {"reason": "", "host": "", **problem.values}
    return say(LINE) % {"line": problem.line, "problem": text} if problem.line else text


def filters(say: Callable[[str], str]) -> Mapping[str, object]:
    """For the templates, in one language."""

    def of(table: Mapping[str, str]) -> Callable[[str], str]:
        return lambda code: say(table[code]) if code in table else code

    return {
        "field_problem": lambda problem: problem_sentence(say, problem),
        "consequence": lambda found: say(CONSEQUENCES[found.code]) % {"value": found.value},
        "check_name": of(CHECKS),
        "ending": of(ENDINGS),
        "endpoint": of(ENDPOINTS),
        "management_scope": of(MANAGEMENT),
        "client_kind": of(KINDS),
    }
