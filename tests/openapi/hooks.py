"""Lets schemathesis past the first refusals: its requests carry a credential, and about half of them name what exists."""

import json
import os
import random

import schemathesis
from schemathesis.generation import GenerationMode

KNOWN = json.loads(os.environ["KEYSTEAD_KNOWN"])
CREDENTIALS = {"adminSecret", "webhookSecret"}
# One sequence for the whole run, so that a run with the same --seed asks the same.
choice = random.Random(1)


@schemathesis.hook
def before_call(context, case, kwargs):
    """Puts known values into requests that are meant to be understood; the others stay as they are."""
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    for fields in (case.body, case.query, case.path_parameters):
        if not isinstance(fields, dict):
            continue
        for name, values in KNOWN.items():
            if name in fields and (name in CREDENTIALS or choice.random() < 0.5):
                fields[name] = choice.choice(values)
