"""Lets schemathesis past the first refusals: its requests carry a credential, and about half of them name what exists.

And it says what no schema can: which refusals of a request that the document allows are right all the same.
"""

import hashlib
import hmac
import ipaddress
import json
import os
import random
import re
import time

import jsonschema_rs
import schemathesis
from schemathesis.generation import GenerationMode

from document import whole

DOCUMENT = whole()
# Fields, and values that are known there. Those at one place of their lists belong together.
KNOWN = json.loads(os.environ["KEYSTEAD_KNOWN"])
# Whatever else a request says, it is to be let in by these.
CREDENTIALS = {"adminSecret", "webhookSecret"}
STRIPE_SECRET = os.environ["KEYSTEAD_STRIPE_WEBHOOK_SECRET"]
SPARE_LOGINS = json.loads(os.environ["KEYSTEAD_SPARE_LOGINS"])
SPARE_ACCESS = json.loads(os.environ["KEYSTEAD_SPARE_ACCESS"])
# One sequence for the whole run, so that a run with the same --seed asks the same.
choice = random.Random(1)


@schemathesis.hook
def before_call(context, case, kwargs):
    """Puts known values into requests that are meant to be understood; the others stay as they are."""
    ends = {"/api/auth/logout", "/api/auth/sessions/revoke-all", "/api/auth/change-password", "/api/auth/confirm-email"}
    if case.path in ends and "Authorization" in (case.headers or {}):
        # The login of the other requests goes on.
        case.headers["Authorization"] = f"Bearer {SPARE_LOGINS.pop() if SPARE_LOGINS else 'none'}"
    if case.path in {"/v1/auth/logout", "/v1/auth/sessions/revoke-all"} and "Authorization" in (case.headers or {}):
        case.headers["Authorization"] = f"Bearer {SPARE_ACCESS.pop() if SPARE_ACCESS else 'none'}"
    if case.path.startswith("/v1/") and case.headers is not None:
        # Another address, which has made no requests yet.
        case.headers["X-Forwarded-For"] = str(ipaddress.ip_address("198.18.0.0") + choice.randrange(1 << 17))
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    if case.method == "DELETE":
        # What the other requests are about stays.
        return
    whole, place = choice.random() < 0.5, choice.randrange(1 << 16)
    for fields in (case.body, case.query, case.path_parameters):
        if not isinstance(fields, dict):
            continue
        for name, values in KNOWN.items():
            # A credential in a query is a matter of the configuration; and this run's own key is not to be revoked.
            own = name in CREDENTIALS
            if (own and fields is not case.body) or (name == "apiKey" and case.path == "/revokeApiKey"):
                continue
            # Mailed tokens are of another kind than those of machines.
            if name == "token" and case.path.startswith(("/api/auth/", "/v1/")):
                continue
            if name in fields and (own or whole or choice.random() < 0.5):
                fields[name] = values[place % len(values)]
    if case.path == "/stripeWebhook":
        case.headers["Stripe-Signature"] = signature(json.dumps(case.body, allow_nan=False).encode())


def signature(body):
    at = str(int(time.time()))
    digest = hmac.new(STRIPE_SECRET.encode(), at.encode() + b"." + body, hashlib.sha256)
    return f"t={at},v1={digest.hexdigest()}"


# Refusals that depend on several fields, on what is stored, or on what a key has signed.
BEYOND_SCHEMAS = {
    "Invalid creatorId: must be the API key's own creator",
    "Invalid creatorId: must be the product's own creator",
    "Invalid currentPassword: must be the account's password",
    "Invalid cursor: must be the activationsCursor of a page of the same list",
    "Invalid cursor: must be the nextCursor of a page of the same list",
    "Invalid cursor: must be the nextCursor of the page before",
    "Invalid email: must be an address of your account",
    "Invalid name: must be a name with at least one letter or digit",
    "Hardware ID is required",
    "Invalid or expired token",
    "Invalid password: must be the account's password",
    "Invalid password: must be one that is not easily guessed",
    "Invalid productId: must be the product that the code is for",
    "Invalid stripeSecret: must be left out, unless the purpose is stripe",
    "License key is not active",
    "No fields to update",
    "Product is archived",
}
# A number for high severity, which has to do with the one for medium; a list that may be told as one text.
BEYOND = re.compile(
    r"Invalid enforcement\.\w+: must be at least as many as for medium severity"
    r"|Invalid unlockedProducts: must be at most \d+ products"
    # Of /v1: fields that contradict each other, a policy, and lists that are short or long.
    r"|Invalid expirationMode: must be .*"
    r"|Invalid (defaultLicensePolicy|policy|policyOverride)\b.*"
    r"|Invalid (count|licenseIds|permissions|page|days|status): must be .*"
    # What a value may be, its type says.
    r"|Invalid (entries\.\d+\.)?value: must be an? (machine|address): .*"
)
LIMITED = re.compile(r"Invalid (?P<field>\w+)(\[\d+\])?: must be a string of 1 to (?P<most>\d+) characters.*")


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Drops what is no failure, though a schema can't tell."""
    if failure.code == "ST202" and response.status_code == 400:
        error = response.json().get("error", "")
        error = error.get("message", "") if isinstance(error, dict) else error
        known = error in BEYOND_SCHEMAS or BEYOND.fullmatch(error)
        return not (known or lacks_one_of_several(error, case) or is_hidden_or_long_in_bytes(error, case))
    if failure.code == "ST202" and response.status_code == 415:
        # A request with a cookie and without a body, which a page's form could make as well.
        return "Cookie" not in (case.headers or {}) and not case.cookies
    if failure.code == "ST401" and case.path == "/stripeWebhook":
        # It was signed above.
        return False
    if failure.code == "ST201":
        return not (
            is_wrong_in_credentials_only(case)
            or has_its_status_overridden(case)
            or is_blank(response)
            or is_right_but_for_blanks(case)
        )
    return True


def schema(case):
    """Where the document says what a request is to look like, as a reference."""
    path = case.path.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")
    return f"#/paths/{path}/{case.method.lower()}/requestBody/content/application~1json/schema"


def lacks_one_of_several(error, case):
    """A field that is not always needed, but for what the others say, or by whom it is said."""
    if case.path == "/listMachines":
        # The machine or its token.
        return error == "Missing required fields"
    operation = DOCUMENT["paths"][case.path][case.method.lower()]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {"schema": {}})
    needed = set(content["schema"].get("required", []))
    _, told, fields = error.partition("Missing required fields: ")
    return bool(told) and not needed.issuperset(fields.split(", "))


# What can't be seen, which is no part of a text at its ends: Unicode's Default_Ignorable_Code_Point.
INVISIBLE = re.compile(
    "[\\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]*"
)
TURNS_TEXT = re.compile("[\u202a-\u202e\u2066-\u2069]")


def is_hidden_or_long_in_bytes(error, case):
    """A text of which nothing can be seen, or which turns what follows it; or a limit in bytes, where JSON Schema has characters."""
    told = LIMITED.fullmatch(error)
    if not told:
        return False
    for fields in (case.body, case.query, case.path_parameters):
        value = fields.get(told["field"]) if isinstance(fields, dict) else None
        texts = value if isinstance(value, list) else [value]
        for text in texts:
            if isinstance(text, str) and (
                INVISIBLE.fullmatch(text)
                or TURNS_TEXT.search(text)
                or len(text.strip().encode(errors="replace")) > int(told["most"])
            ):
                return True
    return False


def is_blank(response):
    """A body of blanks is one without fields."""
    body = response.request.body
    return body is not None and not (body.encode() if isinstance(body, str) else body).strip()


def is_right_but_for_blanks(case):
    """Blanks at the ends of a text count for its length in the schema, and are no part of it."""
    if not isinstance(case.body, dict):
        return False
    trimmed = {name: value.strip() if isinstance(value, str) else value for name, value in case.body.items()}
    return jsonschema_rs.validator_for({**DOCUMENT, "$ref": schema(case)}).is_valid(trimmed)


def is_wrong_in_credentials_only(case):
    """A credential in the body that is no text is passed over, for the one in the header lets the request in."""
    if not isinstance(case.body, dict) or "X-API-Key" not in (case.headers or {}):
        return False
    errors = jsonschema_rs.validator_for({**DOCUMENT, "$ref": schema(case)}).iter_errors(case.body)
    wrong = {error.instance_path[0] if error.instance_path else None for error in errors}
    return bool(wrong) and wrong <= {"adminSecret", "apiKey"}


def has_its_status_overridden(case):
    """The products in every status are asked for, so that a status that is asked for beside it is not looked at."""
    asked = {"POST": case.body, "GET": case.query}[case.method] if case.path == "/listProducts" else None
    return isinstance(asked, dict) and asked.get("includeAll") in (True, "true", "1") and "status" in asked
