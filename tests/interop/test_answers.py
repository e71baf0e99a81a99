"""Signed answers as the world outside reads them: PyJWT and jose verify what `keystead serve` signs for a nonce.

The head of test_tokens.py says how to run it.
"""

import subprocess
import time

import jwt
import pytest

from server import HERE
from verify_answer import ask, certified, tampered, verify_answer
from verify_token import LICENSE, PRODUCT, activate, call, verify

# What canonical JSON could be got wrong with: letters of two to four bytes, a line separator, what HTML escapes.
VARIANT = "édition \u2028🔑 </b> \\ \" & '"


@pytest.fixture
def key(server):
    return certified(server.certificate(), server.root_public_key())


@pytest.fixture
def odd_license(server):
    """The key of a license whose variant is hard to write."""
    wanted = {"adminSecret": server.admin_secret, "email": "a@example.com", "productId": PRODUCT, "variant": VARIANT}
    status, reply = call(server.url, "/createLicense", wanted)
    assert status == 200, reply
    return reply["licenseKey"]


def client_requests(license_key):
    """A good request and refused ones of every client endpoint, in an order in which the good ones are good."""
    machine = {"licenseKey": license_key, "machineFingerprint": "pyjwt"}
    activation = {**machine, "hostname": "interop", "productId": PRODUCT}
    unknown = {"licenseKey": "unknown"}
    return [
        ("/activate", activation, 200),
        ("/activate", {**activation, **unknown}, 404),
        ("/activate", {}, 400),
        ("/validate", {**machine, "token": "token"}, 200),
        ("/validate", {**machine, "token": "x.y.z"}, 401),
        ("/heartbeat", machine, 200),
        ("/heartbeat", {**machine, **unknown}, 404),
        ("/verify", {"licenseKey": license_key, "productId": PRODUCT}, 200),
        ("/verify", {"licenseKey": license_key, "productId": "another"}, 403),
        ("/deactivate", machine, 200),
        ("/deactivate", machine, 404),
        ("/api/license-keys/validate", {"key": license_key}, 200),
        ("/api/license-keys/validate", {"key": "unknown"}, 404),
    ]


@pytest.mark.parametrize("odd", [False, True])
def test_pyjwt_verifies_the_answers_of_every_client_endpoint(server, key, odd_license, odd):
    token = None
    for path, body, expected in client_requests(odd_license if odd else LICENSE):
        if body.get("token") == "token":
            body = {**body, "token": token}
        nonce, status, reply = ask(server.url, path, body)
        assert status == expected, (path, reply)
        fields = verify_answer(key, path, body, nonce, status, reply)
        assert list(reply) == [*fields, "signature"], "the signature stands last"
        token = reply.get("token", token)
        if odd and path == "/verify" and status == 200:
            assert fields["variant"] == VARIANT
        with pytest.raises(jwt.InvalidTokenError):
            verify_answer(key, path + "x", body, nonce, status, reply)


def test_a_tampered_answer_is_refused_by_pyjwt(server, key):
    for product, expected in [(PRODUCT, 200), ("another", 403)]:
        body = {"licenseKey": LICENSE, "productId": product}
        nonce, status, reply = ask(server.url, "/verify", body)
        assert status == expected
        for what, forged in tampered(body, nonce, status, reply).items():
            with pytest.raises(jwt.InvalidTokenError):
                print("PyJWT accepted", what, verify_answer(key, "/verify", *forged))


def test_a_signature_names_its_type_and_its_time(server):
    _, _, reply = ask(server.url, "/verify", {"licenseKey": LICENSE, "productId": PRODUCT})
    assert jwt.get_unverified_header(reply["signature"]) == {
        "alg": server.algorithm,
        "typ": "keystead-answer+jws",
        "kid": server.certificate()["kid"],
    }
    said = jwt.decode(reply["signature"], options={"verify_signature": False})
    assert abs(said["iat"] - time.time()) < 60


def test_a_token_is_no_answer_and_an_answer_is_no_token(server, key):
    token = activate(server.url, "pyjwt")
    body = {"licenseKey": LICENSE, "productId": PRODUCT}
    nonce, status, reply = ask(server.url, "/verify", body)
    with pytest.raises(jwt.InvalidTokenError):
        verify_answer(key, "/verify", body, nonce, status, {**reply, "signature": token})
    with pytest.raises(jwt.InvalidTokenError):
        verify(reply["signature"], server.jwks())
    refusal = server.validate(reply["signature"], "pyjwt")
    assert refusal == (401, {"valid": False, "error": "Invalid or expired token"})


def test_jose_verifies_the_same_in_node(server, odd_license, tmp_path):
    root = tmp_path / "root.pem"
    root.write_text(server.root_public_key())
    run = subprocess.run(
        ["node", HERE / "verify_answer.mjs", server.url, root, server.algorithm, odd_license],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    # Not `splitlines`, for which the variant's line separator ends a line.
    said = [line.split(":")[0] for line in run.stdout.rstrip("\n").split("\n")]
    assert said == (["verified"] + ["refused"] * 8) * 3, run.stdout
