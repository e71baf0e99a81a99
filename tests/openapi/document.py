"""The OpenAPI documents of docs/openapi/ as one."""

import json
import pathlib

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "docs" / "openapi"


def whole():
    """Every API in one document. What two of them hold, they hold alike."""
    documents = [json.loads(file.read_text()) for file in sorted(FOLDER.glob("*.json"))]
    merged = documents[0]
    for document in documents[1:]:
        merged["paths"].update(document["paths"])
        for kind, parts in document["components"].items():
            merged["components"].setdefault(kind, {}).update(parts)
        merged["tags"] += [tag for tag in document["tags"] if tag not in merged["tags"]]
    return merged
