"""Asks a running service all kinds of things that docs/openapi/ allows and forbids, and holds every answer against it.

    python -m venv VENV && VENV/bin/pip install -r tests/openapi/requirements.txt
    cargo build -p keystead
    VENV/bin/python tests/openapi/fuzz.py --cases 10000

Starts `keystead serve --in-memory` on loopback, gives schemathesis (https://schemathesis.readthedocs.io) credentials and
what exists there, and stops the server. Fails if an answer is a 5xx or is not as the document says, if what it allows is
refused, or if what it forbids is not.
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

from document import whole

HERE = pathlib.Path(__file__).resolve().parent
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
        process, url, world = serve(folder)
        try:
            return run(arguments, folder, url, world)
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
    credentials = {
        "KEYSTEAD_ADMIN_SECRET": secrets.token_hex(32),
        "KEYSTEAD_WEBHOOK_SECRET": secrets.token_hex(32),
        "KEYSTEAD_STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(16)}",
        # As long as a long run.
        "KEYSTEAD_ACCESS_MINUTES": "1440",
    }
    messages = folder / "stderr"
    with open(messages, "wb") as stderr:
        process = subprocess.Popen(
            # Requests come from many addresses, of which each may make so many a minute.
            [binary(), "serve", "--port", "0", "--quiet", "--in-memory", "--show-mail"]
            + ["--trusted-proxy", "127.0.0.1", "--client-address-header", "x-forwarded-for"],
            env={**os.environ, **credentials},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
    try:
        url = wait_until_it_serves(process, messages)
        return process, url, furnish(url, credentials, mail_key(url, messages))
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


def mail_key(url, messages):
    """The key of the page that shows what would be mailed, as the start prints it."""
    # All is printed before the first answer.
    urllib.request.urlopen(f"{url}/health", timeout=30).close()
    return re.search(r"/_mail\?key=([0-9a-f]+)", messages.read_text())[1]


def furnish(url, credentials, mail_key):
    """Makes what requests can be about. Answers the environment of hooks.py and schemathesis.toml."""
    admin_secret = credentials["KEYSTEAD_ADMIN_SECRET"]

    def answered(request):
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def ask(path, token=None, **fields):
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
        return answered(urllib.request.Request(url + path, json.dumps(fields).encode(), headers))

    def post(path, **fields):
        return ask(path, adminSecret=admin_secret, **fields)

    api_key = post("/createApiKey", creatorId="demo", name="fuzz")["apiKey"]
    keys, ids, tokens, machines, customers = [], [], [], [], ["customer@example.com"]
    # A key is activated so often in an hour, and moved so often in a month; there are enough for all of a long run.
    for number in range(30):
        more = [{}, {"licenseType": "floating", "maxConcurrent": 9}, {"licenseType": "site"}][number % 3]
        license = post("/createLicense", email=customers[0], productId="demo-app", maxMachines=-1, **more)
        license_id = post("/getLicense", licenseKey=license["licenseKey"])["license"]["licenseId"]
        customers.append(f"customer-{number}@example.com")
        for machine in ["machine-1", "machine-2"]:
            activation = {"licenseKey": license["licenseKey"], "machineFingerprint": machine, "hostname": machine}
            tokens.append(post("/activate", productId="demo-app", **activation)["token"])
            keys.append(license["licenseKey"])
            ids.append(license_id)
            machines.append(machine)
    post("/createTrialCode", code="TRY", productId="demo-app")
    post("/createDiscountCode", code="SALE", productId="demo-app", discountPercent=10)
    post("/createVariant", productId="demo-app", variantId="studio", name="Studio", licenseType="per-machine", maxMachines=3)

    # Who bought the licenses, and may see what happened to them as well.
    account = {"email": customers[0], "password": secrets.token_hex(16)}
    ask("/api/auth/register", email=account["email"])
    mailed = answered(urllib.request.Request(f"{url}/_mail?key={mail_key}"))
    mailed_token = re.search(r"\b[\w-]{43}\b", mailed[-1]["text"])[0]
    verified = {"token": mailed_token, "password": account["password"]}
    answered(
        urllib.request.Request(
            f"{url}/api/auth/verify", json.dumps(verified).encode(), {"content-type": "application/json"}
        )
    )
    post("/addMember", creatorId="demo", email=account["email"], role="owner")
    logins = [ask("/api/auth/login", **account)["token"] for _ in range(3)]

    # What the team of the demo's owner sells by /v1.
    access = [ask("/v1/auth/login", **account)["data"]["tokens"]["accessToken"] for _ in range(4)]
    product_key = ask("/v1/dashboard/api-keys", access[0], productId="demo-app", name="fuzz")["data"]["key"]
    of_team = []
    for number in range(20):
        policy = {"v": 1, "limits": [{}, {"hwid": {"mode": "sticky"}}][number % 2]}
        wanted = {"productId": "demo-app", "policyOverride": policy}
        made = ask("/v1/dashboard/orgs/demo/licenses", access[0], **wanted)["data"]["license"]
        of_team.append(made["id"])
        keys.append(made["key"])
        asked = {"productId": "demo-app", "licenseKey": made["key"], "hwid": "machine-1", "sessionId": "session"}
        ask("/v1/licenses/authorize", product_key, **asked)

    known = {
        "adminSecret": [admin_secret],
        "webhookSecret": [credentials["KEYSTEAD_WEBHOOK_SECRET"]],
        "apiKey": [api_key],
        "licenseKey": keys,
        "key": keys,
        "keyId": ids,
        "id": of_team,
        "orgId": ["demo"],
        "licenseIds": [of_team[:3], of_team[3:5]],
        "sessionId": ["session"],
        "token": tokens,
        "hwid": machines,
        "machineFingerprint": machines,
        "releaseFingerprint": machines[1:] + machines[:1],
        "productId": ["demo-app"],
        "variant": ["studio"],
        "variantId": ["studio"],
        "creatorId": ["demo"],
        "code": ["TRY", "SALE"],
        "email": customers,
        "password": [account["password"]],
    }
    return {
        **credentials,
        "KEYSTEAD_API_KEY": api_key,
        "KEYSTEAD_LOGIN": logins.pop(),
        "KEYSTEAD_SPARE_LOGINS": json.dumps(logins),
        "KEYSTEAD_ACCESS": access.pop(),
        "KEYSTEAD_SPARE_ACCESS": json.dumps(access),
        "KEYSTEAD_PRODUCT_KEY": product_key,
        "KEYSTEAD_KNOWN": json.dumps(known),
    }


def run(arguments, folder, url, world):
    report = folder / "report.json"
    document = folder / "openapi.json"
    document.write_text(json.dumps(whole()))
    command = [
        pathlib.Path(sys.executable).with_name("schemathesis"),
        f"--config-file={HERE / 'schemathesis.toml'}",
        "run",
        document,
        f"--url={url}",
        f"--max-examples={arguments.examples}",
        f"--seed={arguments.seed}",
        f"--report-json-path={report}",
        *([f"--max-time={arguments.seconds}"] if arguments.seconds else []),
        *arguments.options,
    ]
    environment = {
        **os.environ,
        **world,
        "SCHEMATHESIS_HOOKS": "hooks",
        "PYTHONPATH": str(HERE),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    status = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL).returncode
    tried = json.loads(report.read_text())["test_cases"]["generated"] if report.is_file() else 0
    print(f"{tried} cases")
    if arguments.cases and tried < arguments.cases:
        sys.exit(f"{arguments.cases} were to be tried: give more --examples or --seconds")
    return status


if __name__ == "__main__":
    sys.exit(main())
