"""Tells the tests' stories over moto, a DynamoDB that has nothing in common with the one that is built in.

    python -m venv VENV && VENV/bin/pip install -r tests/moto/requirements.txt
    VENV/bin/python tests/moto/run.py [NAME ...]

Starts moto's server on loopback, runs the tests with KEYSTEAD_TEST_DYNAMODB_URL, and stops the server. Takes minutes: moto
carries out some hundred operations a second. With names, runs the tests whose names have one of them.

What is left out, with the reason, is in LEFT_OUT. Of it, moto answers otherwise only where the reason says so.
"""

import argparse
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
START_TIMEOUT = 60

# A run that is told to stop still stops the server that it started.
signal.signal(signal.SIGTERM, signal.default_int_handler)

STORMS = "thousands of operations, and at once: moto's transactions see each other's halves"
MANY = "thousands of items, or transactions of a hundred: moto looks through all it has for each"
INJECTED = "the harness makes the faults; the database behind them is the same"
UNITS = "moto counts capacity units otherwise than DynamoDB: half a unit for a transaction of whatever size"
LEFT_OUT = {
    "races::": STORMS,
    "linearizable::": STORMS,
    "properties::": STORMS,
    "sales::": STORMS,
    "key_holders::": STORMS,
    "no_sequence_of_client_calls": STORMS,
    "a_page_costs_the_same_of_a_thousand_licenses_and_of_twenty_thousand": MANY,
    "a_page_holds_a_hundred_licenses_unless_another_number": MANY,
    "every_filter_and_every_combination_lists_each": MANY,
    "few_expired_licenses_among_many_newer_ones": MANY,
    "a_license_with_more_machines_than_a_transaction_holds": MANY,
    "every_function_is_granted_what_it_uses_and_no_more": MANY,
    "faults::": INJECTED,
    "budgets::": UNITS,
    "a_machine_that_activates_gets_a_token_and_a_seat": UNITS,
    "architecture::": "no database",
}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("names", nargs="*", help="of the tests to run, or parts of names")
    arguments = arguments.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    # Beside the interpreter, where pip has put it.
    command = [pathlib.Path(sys.executable).with_name("moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(url, server)
        tests = ["cargo", "test", "--locked", "--package", "keystead-tests", "--test", "it", "--test", "proofs", "--", *arguments.names]
        for name in LEFT_OUT:
            tests += ["--skip", name]
        return subprocess.run(tests, cwd=ROOT, env={**os.environ, "KEYSTEAD_TEST_DYNAMODB_URL": url}).returncode
    finally:
        server.terminate()
        try:
            server.wait(timeout=15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def wait_for(url, server):
    until = time.monotonic() + START_TIMEOUT
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > until:
                sys.exit(f"moto's server did not start at {url}")
            time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
