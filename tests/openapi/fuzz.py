"""Asks a running service all kinds of things that docs/openapi.json allows and forbids, and holds every answer against it.

    python -m venv VENV && VENV/bin/pip install -r tests/openapi/requirements.txt
    cargo build -p keystead
    VENV/bin/python tests/openapi/fuzz.py --cases 10000

Starts `keystead serve --in-memory` on loopback, gives schemathesis (https://schemathesis.readthedocs.io) credentials and
what exists there, and stops the server. Fails if an answer is a 5xx, or is not as the document says.
"""

import argparse
import json
import os
import pathlib
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
DOCUMENT = HERE.parent.parent / "docs" / "openapi.json"
START_TIMEOUT = 60

# A run that is told to stop still stops the server that it started.
signal.signal(signal.SIGTERM, signal.default_int_handler)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--seconds", type=int, help="stop after so long")
    arguments.add_argument("--cases", type=int, help="fail if fewer were tried")
    arguments.add_argument("--examples", type=int, default=100, help="per operation and phase (default: 100)")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("options", nargs="*", help="after `--`, options of `schemathesis run`")
    arguments = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        process, url, known = serve(folder)
        try:
            return run(arguments, folder, url, known)
        finally:
            process.terminate()
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def binary():
    target = os.environ.get("CARGO_TARGET_DIR", HERE.parent.parent / "target")
    binary = pathlib.Path(os.environ.get("KEYSTEAD_BIN", pathlib.Path(target, "debug", "keystead")))
    if not binary.is_file():
        sys.exit(f"{binary} is not there: run `cargo build -p keystead`")
    return binary


def serve(folder):
    """A server with something in it, and what that is."""
    admin_secret, webhook_secret = secrets.token_hex(32), secrets.token_hex(32)
    messages = folder / "stderr"
    with open(messages, "wb") as stderr:
        process = subprocess.Popen(
            [binary(), "serve", "--port", "0", "--quiet", "--in-memory"],
            env={**os.environ, "KEYSTEAD_ADMIN_SECRET": admin_secret, "KEYSTEAD_WEBHOOK_SECRET": webhook_secret},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
    try:
        url = wait_until_it_serves(process, messages)
        return process, url, furnish(url, admin_secret, webhook_secret)
    except BaseException:
        process.kill()
        process.wait()
        raise


def wait_until_it_serves(process, messages):
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        if serves := re.search(r"serves on (http://127\.0\.0\.1:[0-9]+)", messages.read_text()):
            return serves[1]
        time.sleep(0.05)
    sys.exit(f"keystead did not start: {messages.read_text()}")


def furnish(url, admin_secret, webhook_secret):
    """Makes what requests can be about. Answers fields, each with values that are known there."""

    def post(path, **fields):
        body = json.dumps({"adminSecret": admin_secret, **fields}).encode()
        request = urllib.request.Request(url + path, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    key = post("/createApiKey", creatorId="demo", name="fuzz")["apiKey"]
    keys, tokens = [], []
    for fields in [{}, {"licenseType": "floating", "maxConcurrent": 3}, {"licenseType": "site"}]:
        license = post("/createLicense", email="customer@example.com", productId="demo-app", maxMachines=-1, **fields)
        keys.append(license["licenseKey"])
        for machine in ["machine-1", "machine-2"]:
            tokens.append(
                post(
                    "/activate",
                    licenseKey=keys[-1],
                    machineFingerprint=machine,
                    hostname=machine,
                    productId="demo-app",
                )["token"]
            )
    post("/createTrialCode", code="TRY", productId="demo-app")
    post("/createDiscountCode", code="SALE", productId="demo-app", discountPercent=10)
    return {
        "adminSecret": [admin_secret],
        "webhookSecret": [webhook_secret],
        "apiKey": [key],
        "licenseKey": keys,
        "key": keys,
        "token": tokens,
        "machineFingerprint": ["machine-1", "machine-2"],
        "releaseFingerprint": ["machine-1", "machine-2"],
        "productId": ["demo-app"],
        "variant": ["indie"],
        "variantId": ["demo-app-indie"],
        "creatorId": ["demo"],
        "code": ["TRY", "SALE"],
    }


def run(arguments, folder, url, known):
    command = [
        pathlib.Path(sys.executable).with_name("schemathesis"),
        f"--config-file={HERE / 'schemathesis.toml'}",
        "run",
        DOCUMENT,
        f"--url={url}",
        f"--max-examples={arguments.examples}",
        f"--seed={arguments.seed}",
        f"--header=X-API-Key: {known['apiKey'][0]}",
        f"--report-json-path={folder / 'report.json'}",
        *([f"--max-time={arguments.seconds}"] if arguments.seconds else []),
        *arguments.options,
    ]
    environment = {
        **os.environ,
        "KEYSTEAD_KNOWN": json.dumps(known),
        "SCHEMATHESIS_HOOKS": "hooks",
        "PYTHONPATH": str(HERE),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    status = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL).returncode
    if os.environ.get("KEEP_REPORT"):
        print((folder / "report.json").read_text()[:20000])
    return status


if __name__ == "__main__":
    sys.exit(main())
