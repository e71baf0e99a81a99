"""Tokens as the world outside reads them: PyJWT and jose verify what `keystead serve` signs.

    cargo build
    python3 -m venv /tmp/interop && /tmp/interop/bin/pip install -r tests/interop/requirements.txt
    npm ci --prefix tests/interop
    /tmp/interop/bin/pytest tests/interop

Every test starts a server of its own on a free port of the loopback interface, with its data in a temporary folder,
and stops it by its process id. KEYSTEAD_BIN names the binary, if it is not the debug build of this checkout.
"""

import datetime
import subprocess
import time

import jwt
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from server import HERE, Server
from verify_token import LICENSE, PRODUCT, activate, call, tampered, verify, verify_certificate


def test_pyjwt_verifies_a_token_from_the_jwks_alone(server):
    token = activate(server.url, "pyjwt")
    jwks = server.jwks()
    claims = verify(token, jwks)
    assert jwt.get_unverified_header(token) == {
        "alg": server.algorithm,
        "typ": "JWT",
        "kid": jwks["keys"][0]["kid"],
    }
    _, known = call(server.url, "/getLicense", {"adminSecret": server.admin_secret, "licenseKey": LICENSE})
    assert claims == {
        "iss": "keystead",
        "sub": known["license"]["licenseId"],
        "licenseKey": LICENSE,
        "machineFingerprint": "pyjwt",
        "productId": PRODUCT,
        "variant": "indie",
        "status": "active",
        "iat": claims["iat"],
        "exp": claims["iat"] + 60 + 30 * 24 * 60 * 60,
        "graceUntil": claims["iat"] + 60 + 37 * 24 * 60 * 60,
        "offlineDays": 30,
    }
    assert abs(claims["iat"] + 60 - time.time()) < 60


def test_a_tampered_token_is_refused_by_pyjwt_and_by_the_service(server):
    token = activate(server.url, "pyjwt")
    jwks = server.jwks()
    for what, forged in tampered(token, server.certificate()["publicKey"]).items():
        with pytest.raises(jwt.InvalidTokenError):
            print("PyJWT accepted", what, verify(forged, jwks))
        refusal = server.validate(forged, "pyjwt")
        assert refusal == (401, {"valid": False, "error": "Invalid or expired token"}), what
    status, reply = server.validate(token, "pyjwt")
    assert (status, reply["token"]) == (200, token)


def test_a_token_expires_after_thirty_days_for_pyjwt_and_for_the_service(tmp_path):
    with Server(tmp_path / "data", "--test-clock") as server:
        token = activate(server.url, "pyjwt")
        jwks = server.jwks()
        later = datetime.timedelta(days=-30, seconds=-60)
        with pytest.raises(jwt.ExpiredSignatureError):
            # A negative leeway is a clock that is ahead.
            verify(token, jwks, leeway=later, options={"verify_iat": False})
        status, _ = call(server.url, server.door("/_clock"), {"advanceSeconds": 30 * 24 * 60 * 60 + 60})
        assert status == 200
        status, reply = server.validate(token, "pyjwt")
        assert (status, reply["error"]) == (401, "Invalid or expired token")


def test_the_root_vouches_for_the_key_in_the_jwks(server):
    certificate = server.certificate()
    root = server.root_public_key()
    verify_certificate(certificate, root)

    (key,) = [key for key in server.jwks()["keys"] if key["kid"] == certificate["kid"]]
    published = jwt.PyJWK.from_dict(key).key
    certified = serialization.load_pem_public_key(certificate["publicKey"].encode())
    assert der(published) == der(certified)

    for forged in (certificate["publicKey"] + "\n", root):
        with pytest.raises(InvalidSignature):
            verify_certificate({**certificate, "publicKey": forged}, root)


def der(key):
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def test_jose_verifies_the_same_in_node(server, tmp_path):
    root = tmp_path / "root.pem"
    root.write_text(server.root_public_key())
    run = subprocess.run(
        ["node", HERE / "verify_token.mjs", server.url, root],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    said = [line.split(":")[0] for line in run.stdout.splitlines()]
    assert said == ["verified"] + ["refused"] * 8 + ["certified"], run.stdout


def test_a_token_outlives_the_key_that_signed_it(tmp_path):
    folder = tmp_path / "data"
    with Server(folder, "--signing-algorithm", "RS256") as before:
        old = activate(before.url, "pyjwt")
        root = before.root_public_key()
    with Server(folder, "--signing-algorithm", "EdDSA") as after:
        new = activate(after.url, "pyjwt")
        jwks = after.jwks()
        assert [key["alg"] for key in jwks["keys"]] == ["EdDSA", "RS256"]
        assert verify(old, jwks)["machineFingerprint"] == "pyjwt"
        assert verify(new, jwks)["machineFingerprint"] == "pyjwt"
        for token in (old, new):
            status, reply = after.validate(token, "pyjwt")
            assert (status, reply["token"]) == (200, token)
        # The root is the same: applications need no update.
        assert after.root_public_key() == root
        verify_certificate(after.certificate(), root)
