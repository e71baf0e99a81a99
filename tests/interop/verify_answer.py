#!/usr/bin/env python3
"""Verifies a signed answer of Keystead as an application does: with a key that the root vouches for, with PyJWT.

    python3 verify_answer.py http://127.0.0.1:8787 ROOT_PUBLIC_KEY.pem

Asks that server for its demo license with a nonce, verifies the answer, and expects every answer that was tampered with
or is to another request to be refused. test_answers.py uses the functions below.
"""

import base64
import hashlib
import json
import secrets
import sys

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from verify_token import LICENSE, PRODUCT, call, verify_certificate

TYPE = "keystead-answer+jws"


def certified(certificate, root_public_key):
    """The signing key in `certificate`, the reply of /getSigningKey. Raises InvalidSignature."""
    verify_certificate(certificate, root_public_key)
    return serialization.load_pem_public_key(certificate["publicKey"].encode())


def ask(url, path, body):
    """Sends a request with a nonce. Answers the nonce, the status and the reply."""
    nonce = secrets.token_urlsafe(24)
    status, reply = call(url, path, {**body, "nonce": nonce})
    return nonce, status, reply


def canonical(fields):
    """The text that is signed of fields: RFC 8785."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(fields):
    return base64.urlsafe_b64encode(hashlib.sha256(canonical(fields).encode()).digest()).rstrip(b"=").decode()


def verify_answer(key, path, body, nonce, status, reply):
    """Raises jwt.InvalidTokenError unless `reply`, with `status`, is the service's to `body` and `nonce`, sent to `path`."""
    fields = dict(reply)
    signature = fields.pop("signature", "")
    algorithm = "RS256" if isinstance(key, RSAPublicKey) else "EdDSA"
    # The nonce says that the answer is new, so this machine's clock need not be right.
    said = jwt.decode(signature, key, algorithms=[algorithm], options={"verify_iat": False})
    expected = {
        "nonce": nonce,
        "request": digest(body),
        "path": path,
        "status": status,
        "sha256": digest(fields),
    }
    typ = jwt.get_unverified_header(signature).get("typ")
    if typ != TYPE or any(said.get(claim) != value for claim, value in expected.items()):
        raise jwt.InvalidTokenError("not the answer to this request")
    return fields


def tampered(body, nonce, status, reply):
    """Answers made from a good one that must be refused, by what was done to them or to the question."""
    header, payload, signature = reply["signature"].split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    other = "another-nonce-that-is-long-enough"
    replaced = base64.urlsafe_b64encode(json.dumps({**claims, "nonce": other}).encode()).rstrip(b"=").decode()
    unsigned = {name: value for name, value in reply.items() if name != "signature"}
    tampered = {
        "another nonce": (body, other, status, reply),
        "another status": (body, nonce, 200 if status != 200 else 403, reply),
        "one more field": (body, nonce, status, {**reply, "more": True}),
        "another nonce in its claims": (body, other, status, {**reply, "signature": f"{header}.{replaced}.{signature}"}),
        "no signature": (body, nonce, status, unsigned),
        "one more field in the question": ({**body, "more": True}, nonce, status, reply),
    }
    for name in body:
        tampered[f"another {name} in the question"] = ({**body, name: "changed"}, nonce, status, reply)
    for name in unsigned:
        tampered[f"another {name}"] = (body, nonce, status, {**reply, name: "changed"})
        tampered[f"no {name}"] = (body, nonce, status, {k: v for k, v in reply.items() if k != name})
    return tampered


def main(url, root_public_key):
    _, certificate = call(url, "/getSigningKey")
    key = certified(certificate, root_public_key)
    body = {"licenseKey": LICENSE, "productId": PRODUCT}
    nonce, status, reply = ask(url, "/verify", body)
    print("verified:", json.dumps(verify_answer(key, "/verify", body, nonce, status, reply)))
    for what, forged in tampered(body, nonce, status, reply).items():
        try:
            verify_answer(key, "/verify", *forged)
        except jwt.InvalidTokenError as refusal:
            print(f"refused: {what} ({refusal})")
        else:
            sys.exit(f"accepted an answer with {what}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[2], encoding="utf-8") as file:
        main(sys.argv[1], file.read())
