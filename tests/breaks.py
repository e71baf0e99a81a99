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
ACTIVATION = "shared/src/store/activation.rs"
SEAT = "shared/src/store/seat.rs"
MOVE = "shared/src/store/move.rs"
LICENSE = "shared/src/store/license.rs"
STORE = "shared/src/store/mod.rs"

# What is promised no longer, where, what the code says, and what it is made to say.
BREAKS = [
    (
        "the limit is not a condition of taking a seat",
        SEAT,
        'half.when(&format!("{counter} < :limit"), ":limit", number(limit));',
        "let _ = (counter, limit);",
    ),
    (
        "a slot is taken again by the machine that has it",
        ACTIVATION,
        '.condition_expression("attribute_not_exists(fingerprint)")',
        '.condition_expression("attribute_not_exists(nothing)")',
    ),
    (
        "a seat is taken of a license that has changed",
        SEAT,
        'half.when("revision = :seenRevision"',
        'half.when("revision >= :seenRevision"',
    ),
    (
        "a session is reaped in spite of a sign of life",
        ACTIVATION,
        '.condition_expression("leaseUntil = :seen")',
        '.condition_expression("leaseUntil >= :seen")',
    ),
    (
        "a seat is given back without a look at its session",
        ACTIVATION,
        '.condition_expression(format!("attribute_exists(fingerprint) AND {session}"))',
        '.condition_expression(format!("attribute_exists(fingerprint) OR {session}"))',
    ),
    (
        "a machine opens a second session",
        SEAT,
        """            // One machine that asks twice at once holds one session.
            .condition_expression("attribute_exists(fingerprint) AND attribute_not_exists(leaseUntil)")""",
        """            .condition_expression("attribute_exists(fingerprint)")""",
    ),
    (
        "a machine that was taken off is brought up to date",
        ACTIVATION,
        """    } else {
        "attribute_exists(fingerprint)"
    }""",
        """    } else {
        "attribute_not_exists(nothing)"
    }""",
    ),
    (
        "a slow heartbeat shortens a lease",
        ACTIVATION,
        '.condition_expression("leaseUntil <= :until")',
        '.condition_expression("attribute_exists(leaseUntil)")',
    ),
    (
        "a refusal is made of what was read at two moments",
        SEAT,
        """.license_with_activation_at_once(&license.license_key, &arrival.fingerprint)
                        .await?;""",
        """.reread(&license.license_key, &arrival.fingerprint)
                        .await?;""",
    ),
    (
        "two moves at once count as one",
        MOVE,
        'None | Some(SeatLimit::Unlimited) => update.condition_expression("revision = :revision"),',
        'None | Some(SeatLimit::Unlimited) => update.condition_expression("revision >= :revision"),',
    ),
    (
        "a change undoes another that came between",
        LICENSE,
        '.condition_expression("revision = :seen")',
        '.condition_expression("revision >= :seen")',
    ),
    (
        "a transaction that collides is not tried again",
        STORE,
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
