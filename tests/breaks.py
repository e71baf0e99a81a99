#!/usr/bin/env python3
"""Breaks a condition of the store on purpose, one at a time, and lets the model checker find it.

    tests/breaks.py            all of them
    tests/breaks.py lease      those whose name has this in it

Each is tried on a copy of the tree at HEAD, beside this one, which stays as it is. Prints the history that the checker
shrank to. Ends with 1 if a break was not found. PROPTEST_CASES says how many histories are tried (default 3000).
"""

import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
ACTIVATION = "shared/src/store/license/activation.rs"
SEATS = "shared/src/store/license/seats.rs"
MOVES = "shared/src/store/license/moves.rs"
CHANGE = "shared/src/store/license/change.rs"
WRITE = "shared/src/store/write.rs"

# What is promised no longer, where, what the code says, and what it is made to say.
BREAKS = [
    (
        "the limit is not a condition of taking a seat",
        SEATS,
        'taking = taking.when(&format!("{counter} < :limit"), [(":limit", number(limit))]);',
        "let _ = (counter, limit);",
    ),
    (
        "a slot is taken again by the machine that has it",
        ACTIVATION,
        'Ok(slot.when("attribute_not_exists(fingerprint)", []))',
        'Ok(slot.when("attribute_not_exists(nothing)", []))',
    ),
    (
        "a seat is taken of a license that has changed",
        SEATS,
        'taking.when("revision = :seen", [(":seen", number(license.revision))]);',
        'taking.when("revision >= :seen", [(":seen", number(license.revision))]);',
    ),
    (
        "a session is reaped in spite of a sign of life",
        ACTIVATION,
        '.when("leaseUntil = :seen", [(":seen", text(session.lease_until))]);',
        '.when("leaseUntil >= :seen", [(":seen", text(session.lease_until))]);',
    ),
    (
        "a seat is given back without a look at its session",
        ACTIVATION,
        """        removal.when("attribute_exists(fingerprint) AND attribute_not_exists(leaseUntil)", [])""",
        """        removal.when("attribute_exists(fingerprint)", [])""",
    ),
    (
        "a machine opens a second session",
        SEATS,
        """        // **Race**: one machine that asks twice at once holds one session.
        .when("attribute_exists(fingerprint) AND attribute_not_exists(leaseUntil)", []);""",
        """        .when("attribute_exists(fingerprint)", []);""",
    ),
    (
        "a machine that was taken off is brought up to date",
        ACTIVATION,
        """        None => update.when("attribute_exists(fingerprint)", []),""",
        """        None => update.when("attribute_not_exists(nothing)", []),""",
    ),
    (
        "a slow heartbeat shortens a lease",
        ACTIVATION,
        """            .when("leaseUntil <= :until", [(":until", text(until))]);""",
        """            .when("attribute_exists(leaseUntil)", []);""",
    ),
    (
        "a refusal is made of what was read at two moments",
        SEATS,
        """                    (license, known) = self
                        .license_with_activation_at_once(&license.license_key, machine)
                        .await?;""",
        """                    let _ = Self::license_with_activation_at_once;
                    (license, known) = self.reread(&license.license_key, machine).await?;""",
    ),
    (
        "two moves at once count as one",
        MOVES,
        """        .when("revision = :seen", [(":seen", number(license.revision))]);""",
        """        .when("revision >= :seen", [(":seen", number(license.revision))]);""",
    ),
    (
        "a change undoes another that came between",
        CHANGE,
        """            .when("revision = :seen", [(":seen", number(license.revision))]);""",
        """            .when("revision >= :seen", [(":seen", number(license.revision))]);""",
    ),
    (
        "a transaction that collides is not tried again",
        WRITE,
        "any_of(reasons, &[reason::CONFLICT, reason::THROTTLED, reason::CAPACITY])",
        "any_of(reasons, &[reason::THROTTLED, reason::CAPACITY])",
    ),
]


def run(*command, **options):
    return subprocess.run(command, cwd=ROOT, check=True, **options)


def counterexample(log):
    """What the checker prints of the first history that it could not explain."""
    lines = log.splitlines()
    starts = [i for i, line in enumerate(lines) if "panicked at tests/proofs/linearizable.rs" in line]
    if not starts:
        return None
    told = []
    for line in lines[starts[0] + 1 :]:
        if line.startswith(("stack backtrace", "note: run with")):
            break
        told.append(line)
    # The history again in full is for whoever mends it.
    return "\n".join(told).split("\nThe history:")[0]


def main():
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    environment = {"PROPTEST_CASES": "3000", **os.environ, "RUST_BACKTRACE": "0"}
    environment.setdefault("CARGO_TARGET_DIR", str(ROOT / "target"))
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "broken"
        run("git", "worktree", "add", "--quiet", "--detach", str(copy), "HEAD")
        try:
            for name, path, whole, broken in BREAKS:
                if wanted not in name:
                    continue
                file = copy / path
                source = file.read_text()
                if source.count(whole) != 1:
                    sys.exit(f"{path} no longer says this once; say it here as it is now:\n{whole}")
                file.write_text(source.replace(whole, broken))
                # The whole workspace, so that dependencies have the features that they are built with already.
                checker = ["cargo", "test", "--workspace", "--test", "proofs", "--", "linearizable::"]
                outcome = subprocess.run(checker, cwd=copy, env=environment, capture_output=True, text=True)
                file.write_text(source)
                found = counterexample(outcome.stdout + outcome.stderr)
                print(f"== {name}\n{found or 'NOT FOUND'}\n", flush=True)
                if found is None:
                    missed.append(name)
                    print(outcome.stderr[-2000:], flush=True)
        finally:
            run("git", "worktree", "remove", "--force", str(copy))
    if missed:
        sys.exit(f"not found: {missed}")


if __name__ == "__main__":
    main()
