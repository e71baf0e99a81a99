"""Tells the tests' stories over moto, a DynamoDB that has nothing in common with the one that is built in.

    python -m venv VENV && VENV/bin/pip install -r tests/moto/requirements.txt
    VENV/bin/python tests/moto/run.py [--all] [NAME ...]

Starts moto's servers on loopback, one for each core, runs the tests with KEYSTEAD_TEST_DYNAMODB_URL, and stops the servers.
Takes minutes: a server carries out some hundred operations a second. With names, runs the tests whose names have one of them.

What is left out, with the reason, is in LEFT_OUT. Of it, moto answers otherwise only where the reason says so. Without --all,
so are the stories in WALKS.
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
    "no_sequence_of_client_calls": STORMS,
    "a_page_costs_the_same_of_a_thousand_licenses_and_of_twenty_thousand": MANY,
    "a_page_holds_a_hundred_licenses_unless_another_number": MANY,
    "every_filter_and_every_combination_lists_each": MANY,
    "few_expired_licenses_among_many_newer_ones": MANY,
    "a_license_with_more_machines_than_a_transaction_holds": MANY,
    "every_function_is_granted_what_it_uses_and_no_more": MANY,
    "fault": INJECTED,
    "budgets::": UNITS,
    "a_machine_that_activates_gets_a_token_and_a_seat": UNITS,
    "architecture::": "no database",
}

# They ask every route, or one route hundreds of times: half of the time for few writes that others do not make.
WALKS = [
    "everywhere::",
    "v1::roles::",
    "v1::permissions::",
    "accounts::events::",
    "accounts::login::",
    "license_keys::events::",
    "license_keys::list::",
    "a_cursor_is_good_for_its_own_list_only",
    "a_get_filters_by_its_query",
    "a_key_lets_no_more_than_150_new_machines_in_within_an_hour",
    "an_api_key_lists_its_owner_s_licenses_only",
    "licenses_of_all_statuses_are_listed_newest_first",
    "strangers_keep_n",
]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--all", action="store_true", help="also the stories that ask every route")
    arguments.add_argument("names", nargs="*", help="of the tests to run, or parts of names")
    arguments = arguments.parse_args()
    servers = []
    try:
        for _ in range(os.cpu_count() or 1):
            servers.append(start())
        for url, server in servers:
            wait_for(url, server)
        tests = ["cargo", "test", "--locked", "--package", "keystead-tests", "--test", "it", "--", *arguments.names]
        for name in [*LEFT_OUT, *([] if arguments.all or arguments.names else WALKS)]:
            tests += ["--skip", name]
        urls = ",".join(url for url, _ in servers)
        return subprocess.run(tests, cwd=ROOT, env={**os.environ, "KEYSTEAD_TEST_DYNAMODB_URL": urls}).returncode
    finally:
        for _, server in servers:
            stop(server)


def start():
    """A server of moto's, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Beside the interpreter, where pip has put it.
    command = [pathlib.Path(sys.executable).with_name("moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return f"http://127.0.0.1:{port}", server


def stop(server):
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
