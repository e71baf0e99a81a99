"""Writes what the fuzzer begins with: the requests that docs/openapi/ has as examples, and one of all else.

    python3 tests/fuzz/seeds.py FOLDER
"""

import json
import pathlib
import sys
import urllib.parse

DOCUMENTS = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "openapi").glob("*.json")
PATHS = {path: item for file in sorted(DOCUMENTS) for path, item in json.loads(file.read_text())["paths"].items()}
# Who is let in, by what an operation takes.
WHO = {
    "Applications": "-",
    "Vendors": "ka",
    "Operators": "a",
    "People": "l",
    "Stores": "ws",
    "Service": "-",
    "Teams": "t",
    "Back ends": "g",
}
LICENSES = [
    "email,productId\na@b.c,app\n",
    '\ufefflicense_key,email,product_id,max_machines,status\r\nK-1,a@b.c,app,unlimited,active\r\n\r\nK-2,"a@b.c",app,3,revoked\r\n',
    "email,productId,expiresAt,unlockedProducts,createdAt\na@b.c,app,2030-01-31T00:00:00Z,x;y,2020-01-01T00:00:00Z\n",
    '{"email":"a@b.c","productId":"app","maxMachines":-1,"unlockedProducts":["x"]}\n{"key":"K","email":"a@b.c","productId":"app"}\n',
]
POSITIONS = ["=", "start", "end", "2030-01-01T00:00:00.000Z\n00000000-0000-4000-8000-000000000003", "x\ny\n=\n=\nend"]


def seeds():
    for path, item in PATHS.items():
        for method, operation in item.items():
            query = [(field["name"], field["example"]) for field in operation.get("parameters", []) if "example" in field]
            place = path
            for name, value in query:
                place = place.replace(f"{{{name}}}", str(value))
            query = urllib.parse.urlencode([(name, value) for name, value in query if f"{{{name}}}" not in path])
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example", "")
            if isinstance(body, dict):
                body.pop("adminSecret", None)
                body = json.dumps({name: "TOKEN" if name == "token" else value for name, value in body.items()})
            for who in WHO[operation["tags"][0]] + "-i":
                yield "request", f"{who}{method.upper()} {place}{'?' if query else ''}{query}\n{body}"
    yield "token", "\0eyJhbGciOiJSUzI1NiJ9.e30.AAAA"
    yield "token", "\1keystead\nid\nkey\nmachine\napp\nindie\n1893456000\n30"
    for way, text in enumerate(LICENSES):
        yield "import", chr(1 if text.startswith("{") else 0) + text
        yield "import", chr(3 if text.startswith("{") else 2) + text
    for list_, text in enumerate(POSITIONS * 2):
        yield "cursor", chr(list_) + text
    yield "stripe", "t=1893456000,v1=" + "0" * 64 + ",v0=ab\n" + '{"id":"evt_1","type":"ping","data":{"object":{}}}'
    yield "stripe", "v1=,t=x, t = 1,,=\n"


def main():
    folder = pathlib.Path(sys.argv[1])
    for number, (target, seed) in enumerate(seeds()):
        (folder / target).mkdir(parents=True, exist_ok=True)
        (folder / target / f"seed-{number:03}").write_bytes(seed.encode())


if __name__ == "__main__":
    main()
