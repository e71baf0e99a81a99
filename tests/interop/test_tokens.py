"""Tokens as the world outside reads them: PyJWT and jose verify what `keystead serve` signs.

    cargo build
    python3 -m venv /tmp/interop && /tmp/interop/bin/pip install -r tests/interop/requirements.txt
    npm ci --prefix tests/interop
    /tmp/interop/bin/pytest tests/interop

Every test starts a server of its own on a free port of the loopback interface, with its data in a temporary folder,
and stops it by its process id. KEYSTEAD_BIN names the binary, if it is not the debug build of this checkout.
"""

import datetime
import json
import os
import pathlib
import re
import secrets
import signal
import subprocess
import time

import jwt
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from verify_token import LICENSE, PRODUCT, activate, call, tampered, verify, verify_certificate

HERE = pathlib.Path(__file__).resolve().parent
ALGORITHMS = ["RS256", "EdDSA"]
START_TIMEOUT = 60

# A run that is told to stop still stops the servers that it started.
signal.signal(signal.SIGTERM, signal.default_int_handler)


def binary():
    """The server's binary."""
    target = os.environ.get("CARGO_TARGET_DIR", HERE.parent.parent / "target")
    binary = pathlib.Path(os.environ.get("KEYSTEAD_BIN", pathlib.Path(target, "debug", "keystead")))
    assert binary.is_file(), f"{binary} is not there: run `cargo build`"
    return binary


class Server:
    """A running `keystead serve` over `folder`."""

    def __init__(self, folder, *options):
        self.folder = folder
        self.options = options
        self.admin_secret = secrets.token_hex(32)

    def __enter__(self):
        messages = self.folder.with_suffix(".stderr")
        with open(messages, "wb") as stderr:
            self.process = subprocess.Popen(
                [binary(), "serve", "--port", "0", "--quiet", "--data-dir", self.folder, *self.options],
                env={**os.environ, "KEYSTEAD_ADMIN_SECRET": self.admin_secret},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )
        try:
            self.url = self.wait_until_it_serves(messages)
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait_until_it_serves(self, messages):
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and self.process.poll() is None:
            if serves := re.search(r"serves on (http://127\.0\.0\.1:[0-9]+)", messages.read_text()):
                return serves[1]
            time.sleep(0.05)
        pytest.fail(f"keystead did not start: {messages.read_text()}")

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def jwks(self):
        """Everything that an application needs to verify tokens, fetched once."""
        status, jwks = call(self.url, "/.well-known/jwks.json")
        assert status == 200
        return jwks

    def certificate(self):
        status, certificate = call(self.url, "/getSigningKey")
        assert status == 200
        return certificate

    def root_public_key(self):
        """What an application ships with."""
        return json.loads((self.folder / "secrets.json").read_text())["rootPublicKey"]

    def validate(self, token, fingerprint):
        return call(
            self.url, "/validate", {"licenseKey": LICENSE, "machineFingerprint": fingerprint, "token": token}
        )


@pytest.fixture(params=ALGORITHMS)
def server(request, tmp_path):
    with Server(tmp_path / "data", "--signing-algorithm", request.param) as server:
        server.algorithm = request.param
        yield server


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
        "exp": claims["iat"] + 30 * 24 * 60 * 60,
    }
    assert abs(claims["iat"] - time.time()) < 60


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
        status, _ = call(server.url, "/_clock", {"advanceSeconds": 30 * 24 * 60 * 60 + 60})
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
