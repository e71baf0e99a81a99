#!/usr/bin/env python3
"""Verifies a Keystead token as an application does: offline, from public keys alone, with PyJWT.

    python3 verify_token.py http://127.0.0.1:8787 [ROOT_PUBLIC_KEY.pem]

Activates a machine on the demo license of that server, verifies the token it gets, and expects every token that was
tampered with to be refused. With the root's public key, checks as well that the root vouches for the signing key.
test_tokens.py uses the functions below.
"""

import base64
import hashlib
import hmac
import json
import sys
import urllib.error
import urllib.request

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

LICENSE = "de300000-0000-4000-8000-000000000001"
PRODUCT = "demo-app"
ISSUER = "keystead"
CLAIMS = ["iss", "sub", "licenseKey", "machineFingerprint", "productId", "variant", "status", "iat", "exp"]


def call(url, path, body=None):
    """Sends a request, as POST if it has a body. Answers the status and the JSON that came back."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.load(refusal)


def activate(url, fingerprint):
    """Activates a machine on the demo license. Answers its token."""
    wanted = {"licenseKey": LICENSE, "machineFingerprint": fingerprint, "hostname": "interop", "productId": PRODUCT}
    status, reply = call(url, "/activate", wanted)
    assert status == 200, reply
    return reply["token"]


def verify(token, jwks, **options):
    """What `token` says, if one of the keys in `jwks` signed it and it has not expired.

    The key names the algorithm. What the token says of its algorithm is never believed.
    """
    kid = jwt.get_unverified_header(token).get("kid")
    key = next((key for key in jwt.PyJWKSet.from_dict(jwks).keys if key.key_id == kid), None)
    if key is None:
        raise jwt.InvalidTokenError(f"no key {kid}")
    required = {"require": CLAIMS, **options.pop("options", {})}
    return jwt.decode(token, key, algorithms=[key.algorithm_name], issuer=ISSUER, options=required, **options)


def verify_certificate(certificate, root_public_key):
    """Checks that the root signed the signing key in `certificate`, the reply of /getSigningKey.

    The signature is over the text of the PEM, byte for byte. Raises InvalidSignature.
    """
    root = serialization.load_pem_public_key(root_public_key.encode())
    signature = base64.b64decode(certificate["rootSignature"], validate=True)
    root.verify(signature, certificate["publicKey"].encode(), padding.PKCS1v15(), hashes.SHA256())


def tampered(token, public_key):
    """Tokens made from `token` that must be refused, by what was done to them. `public_key` is its key's PEM."""
    header, payload, signature = token.split(".")
    fields = json.loads(decode(header))
    claims = json.loads(decode(payload))

    def with_header(**changes):
        return encode(json.dumps({**fields, **changes}).encode())

    bits = bytearray(decode(signature))
    bits[-1] ^= 1
    confused = with_header(alg="HS256") + "." + payload
    mac = hmac.new(public_key.encode(), confused.encode(), hashlib.sha256).digest()
    return {
        "another machine": ".".join([header, encode(json.dumps({**claims, "machineFingerprint": "x"}).encode()), signature]),
        "a longer life": ".".join([header, encode(json.dumps({**claims, "exp": claims["exp"] + 1}).encode()), signature]),
        "one bit of the signature": ".".join([header, payload, encode(bytes(bits))]),
        "no signature": ".".join([header, payload, ""]),
        "no algorithm": ".".join([with_header(alg="none"), payload, ""]),
        "the public key as an HMAC key": confused + "." + encode(mac),
        "another key's id": ".".join([with_header(kid="x"), payload, signature]),
        "one more header": ".".join([with_header(jku="https://example.com"), payload, signature]),
    }


def decode(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def encode(part):
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def main(url, root_public_key=None):
    token = activate(url, "interop-python")
    _, jwks = call(url, "/.well-known/jwks.json")
    _, certificate = call(url, "/getSigningKey")
    print("verified:", json.dumps(verify(token, jwks)))
    for what, forged in tampered(token, certificate["publicKey"]).items():
        try:
            verify(forged, jwks)
        except jwt.InvalidTokenError as refusal:
            print(f"refused: {what} ({refusal})")
        else:
            sys.exit(f"accepted a token with {what}")
    if root_public_key is not None:
        verify_certificate(certificate, root_public_key)
        print("certified: the root vouches for", certificate["kid"])


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit(__doc__)
    if len(sys.argv) == 3:
        with open(sys.argv[2], encoding="utf-8") as file:
            main(sys.argv[1], file.read())
    else:
        main(sys.argv[1])
