"""A running `keystead serve`, for the tests of this folder."""

import json
import os
import pathlib
import re
import secrets
import signal
import subprocess
import time

import pytest

from verify_token import LICENSE, call

HERE = pathlib.Path(__file__).resolve().parent
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
                self.messages = messages
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

    def door(self, path):
        """The address of a door that only development has, as the start prints it with its key."""
        # All is printed before the first answer.
        assert call(self.url, "/health")[0] == 200
        return re.search(rf"{re.escape(path)}\?key=[0-9a-f]+", self.messages.read_text())[0]

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
        return json.loads((self.folder / "signing.json").read_text())["rootPublicKey"]

    def validate(self, token, fingerprint):
        return call(
            self.url, "/validate", {"licenseKey": LICENSE, "machineFingerprint": fingerprint, "token": token}
        )
