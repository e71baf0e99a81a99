"""The samples in README.md and docs/ do what they say, as they stand, on clocks that are wrong by up to ten minutes.

Only what a reader would replace is replaced: the server's address, and the folder for files. The head of test_tokens.py
says how to run it. Those in C# are compiled and run by Mono.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

from server import HERE, Server
from verify_token import LICENSE, PRODUCT, activate, call

ROOT = HERE.parent.parent
CLIENT = ROOT / "docs/api/client.md"
# How far a customer's clock is off, in seconds.
SKEWS = [-600, -300, -2, 0, 2, 300, 600]
# Where each run takes seconds.
FEW_SKEWS = [-600, 0, 600]

# What makes the clock of a Python program wrong, before it imports anything else.
SKEWED_PYTHON = """
import datetime, time
_time, _datetime = time.time, datetime.datetime
time.time = lambda: _time() + {skew}
class _Skewed(_datetime):
    @classmethod
    def now(cls, tz=None):
        return _datetime.fromtimestamp(_time() + {skew}, tz)
    @classmethod
    def utcnow(cls):
        return _datetime.utcfromtimestamp(_time() + {skew})
datetime.datetime = _Skewed
"""

# And that of a program in Node.
SKEWED_NODE = """
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...given) { if (given.length) super(...given); else super(RealDate.now() + SKEW * 1000); }
  static now() { return RealDate.now() + SKEW * 1000; }
};
"""


def samples(page, language):
    """The samples of a page in a language, in the order in which they stand."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.M | re.S)
    assert found, f"{page.name} has no samples in {language}"
    return found


def sample(page, language, *words):
    """The one sample that holds all these words."""
    found = [text for text in samples(page, language) if all(word in text for word in words)]
    assert len(found) == 1, f"{page.name}: {len(found)} samples in {language} hold {words}"
    return found[0]


def run_python(program, skew=0):
    command = [sys.executable, "-c", SKEWED_PYTHON.format(skew=skew) + program]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def run_typescript(program, tmp_path, skew=0):
    """Checks the types of a program as strictly as the compiler can, and runs it."""
    modules = pathlib.Path(os.environ["KEYSTEAD_NODE_MODULES"]) / "node_modules"
    folder = tmp_path / f"typescript{skew}"
    folder.mkdir()
    (folder / "node_modules").symlink_to(modules)
    (folder / "sample.ts").write_text(program)
    (folder / "package.json").write_text('{"type": "module"}')
    options = ["--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom,dom.iterable"]
    compiled = subprocess.run(
        ["node", modules / "typescript/bin/tsc", *options, "sample.ts"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert compiled.returncode == 0, compiled.stdout
    (folder / "skewed.mjs").write_text(SKEWED_NODE.replace("SKEW", str(skew)))
    return subprocess.run(
        ["node", "--import", "./skewed.mjs", "sample.js"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def run_csharp(program, tmp_path, *given):
    """Compiles a program, no warning allowed, and runs it."""
    (tmp_path / "Sample.cs").write_text(program)
    libraries = ["Core", "Runtime.Serialization", "Xml", "Xml.Linq", "Net.Http"]
    compiled = subprocess.run(
        ["mcs", "-langversion:7", "-warnaserror", *[f"-r:System.{name}" for name in libraries], "Sample.cs"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert compiled.returncode == 0, compiled.stdout + compiled.stderr
    return subprocess.run(
        ["mono", "Sample.exe", *given],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("skew", FEW_SKEWS)
def test_the_sample_of_the_readme_verifies_the_token_of_its_tour(server, tmp_path, skew):
    tour = sample(ROOT / "README.md", "sh", "It comes: a seat and a token.")
    verify = sample(ROOT / "README.md", "python", "jwt.decode")
    # The tour gives the seat back at its end.
    here = lambda text: text.replace("http://127.0.0.1:8787", server.url).replace("/tmp/", f"{tmp_path}/")
    tour, verify = here(tour), here(verify)
    toured = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", tour], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    assert toured.returncode == 0, toured.stdout + toured.stderr
    assert '"error"' not in toured.stdout, toured.stdout
    verified = run_python(verify, skew)
    assert verified.returncode == 0, verified.stderr
    assert "'machineFingerprint': 'tour'" in verified.stdout


def test_the_quickstart_of_the_dashboard_api_ends_with_a_license_that_runs(tmp_path):
    quickstart = sample(ROOT / "docs/api/v1.md", "sh", "/v1/auth/register")
    with Server(tmp_path / "data", "--show-mail", "--no-demo") as server:
        given = {"SECRET": server.admin_secret, "MAIL": server.url + server.door("/_mail")}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", quickstart.replace("http://127.0.0.1:8787", server.url)],
            env={**os.environ, **given},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    answers = done.stdout.partition("}}")
    assert json.loads(answers[0] + answers[1]) == {"ok": True, "data": {"verificationSent": True}}
    assert json.loads(answers[2])["reasonCode"] == "ALLOW", done.stdout


@pytest.mark.parametrize("skew", SKEWS)
def test_the_python_sample_verifies_tokens(server, skew):
    token, jwks = activate(server.url, "sample"), server.jwks()
    program = sample(CLIENT, "python", "def verify(token, jwks, fingerprint, product)")
    program += f"""
jwks, token = {jwks!r}, {token!r}
assert verify(token, jwks, "sample", {PRODUCT!r})["licenseKey"] == {LICENSE!r}
for fingerprint, product in [("another", {PRODUCT!r}), ("sample", "another")]:
    try:
        verify(token, jwks, fingerprint, product)
    except jwt.InvalidTokenError:
        continue
    raise SystemExit("a token for another machine or product is taken")
print("verified")
"""
    verified = run_python(program, skew)
    assert (verified.returncode, verified.stdout) == (0, "verified\n"), verified.stderr


@pytest.mark.parametrize("skew", FEW_SKEWS)
def test_the_typescript_sample_verifies_tokens(server, tmp_path, skew):
    token, jwks = activate(server.url, "sample"), server.jwks()
    program = sample(CLIENT, "ts", "export async function verify(token")
    program += f"""
const jwks: JSONWebKeySet = {json.dumps(jwks)};
const token = {json.dumps(token)};
const said = await verify(token, jwks, "sample", {json.dumps(PRODUCT)});
if (said.licenseKey !== {json.dumps(LICENSE)}) throw new Error("another license");
for (const [fingerprint, product] of [["another", {json.dumps(PRODUCT)}], ["sample", "another"]] as const) {{
  if (await verify(token, jwks, fingerprint, product).then(() => true, () => false)) throw new Error("taken");
}}
console.log("verified");
"""
    verified = run_typescript(program, tmp_path, skew)
    assert (verified.returncode, verified.stdout) == (0, "verified\n"), verified.stderr


def test_the_csharp_sample_verifies_tokens(server, tmp_path):
    token, jwks = activate(server.url, "sample"), json.dumps(server.jwks())
    program = sample(CLIENT, "csharp", "static class Licensing") + f"""
static class Program
{{
    static void Main(string[] given)
    {{
        string token = given[0], jwks = given[1];
        XElement said = Licensing.Verify(token, jwks, "sample", {json.dumps(PRODUCT)});
        Console.WriteLine(said == null ? "refused" : (string)said.Element("licenseKey"));
        foreach (string wrong in new[] {{ "", "..", "a.b", "a.b.c", token + "x", token.Substring(1) }})
            if (Licensing.Verify(wrong, jwks, "sample", {json.dumps(PRODUCT)}) != null) Console.WriteLine("taken: " + wrong);
        if (Licensing.Verify(token, jwks, "another", {json.dumps(PRODUCT)}) != null) Console.WriteLine("another machine's");
        if (Licensing.Verify(token, jwks, "sample", "another") != null) Console.WriteLine("another product's");
    }}
}}
"""
    ran = run_csharp(program, tmp_path, token, jwks)
    # The sample is for RS256.
    expected = LICENSE if server.algorithm == "RS256" else "refused"
    assert (ran.returncode, ran.stdout) == (0, f"{expected}\n"), ran.stdout + ran.stderr


def questions(server):
    """What is asked, and what somebody in between asks instead under the same nonce."""
    wanted = {"adminSecret": server.admin_secret, "email": "a@example.com", "productId": PRODUCT}
    status, revoked = call(server.url, "/createLicense", wanted)
    assert status == 200, revoked
    key = revoked["licenseKey"]
    status, _ = call(server.url, "/revokeLicense", {"adminSecret": server.admin_secret, "licenseKey": key})
    assert status == 200
    return {"licenseKey": key, "productId": PRODUCT}, {"licenseKey": LICENSE, "productId": PRODUCT}


def test_the_python_sample_tells_a_refusal_from_what_is_in_between(server):
    asked, _ = questions(server)
    refusals = [
        call(server.url, "/verify", asked),
        call(server.url, "/activate", {**asked, "machineFingerprint": "m", "hostname": "h"}),
        call(server.url, "/verify", {**asked, "licenseKey": "no such key"}),
    ]
    assert [status for status, _ in refusals] == [403, 403, 404]
    program = sample(CLIENT, "python", "def refusal(status, body)")
    program += f"""
for status, reply in {refusals!r}:
    assert refusal(status, json.dumps(reply)) == reply["error"], reply
for status, body in [
    (403, "<html><body>Welcome to our hotel! Please sign in."),
    (403, '{{"message": "Forbidden"}}'),
    (403, '{{"error": "blocked by the firewall"}}'),
    (404, "[]"),
    (404, "null"),
    (404, ""),
    (404, {json.dumps(json.dumps(call(server.url, "/nowhere", {})[1]))}),
    (200, '{{"valid": false, "error": "no refusal has this status"}}'),
    (500, '{{"success": false, "error": "Internal error"}}'),
]:
    assert refusal(status, body) is None, (status, body)
print("told apart")
"""
    told = run_python(program)
    assert (told.returncode, told.stdout) == (0, "told apart\n"), told.stderr


@pytest.mark.parametrize("skew", FEW_SKEWS)
def test_the_python_sample_verifies_answers(server, skew):
    asked, instead = questions(server)
    program = sample(CLIENT, "python", "def certified(")
    program += sample(CLIENT, "python", "def verify_answer(")
    program += f"""
certificate, root = {server.certificate()!r}, {server.root_public_key()!r}
key = certified(certificate, root, "answer")
assert certified(certificate, root, "license") == key
asked, instead = {asked!r}, {instead!r}
assert ask({server.url!r}, "/verify", instead, key)[0] == 200
status, refusal = ask({server.url!r}, "/verify", asked, key)
assert (status, refusal["reason"]) == (403, "revoked"), refusal

# Somebody in between hands on a signed answer about another license.
sent = urllib.request.urlopen
def in_between(request, **options):
    request.data = json.dumps({{**instead, "nonce": json.loads(request.data)["nonce"]}}).encode()
    return sent(request, **options)
urllib.request.urlopen = in_between
try:
    print("taken", ask({server.url!r}, "/verify", asked, key))
except jwt.InvalidTokenError:
    print("refused")
"""
    verified = run_python(program, skew)
    assert (verified.returncode, verified.stdout) == (0, "refused\n"), verified.stdout + verified.stderr


def test_the_python_sample_takes_no_key_that_the_root_does_not_certify_now(server):
    program = sample(CLIENT, "python", "def certified(")
    program += f"""
reply, root = {server.certificate()!r}, {server.root_public_key()!r}
for name, changed in [
    ("another use", lambda: certified(reply, root, "mail")),
    ("another key", lambda: certified({{**reply, "publicKey": root}}, root, "answer")),
    ("another kid", lambda: certified({{**reply, "kid": "other"}}, root, "answer")),
    ("altered", lambda: certified({{**reply, "certificate": reply["certificate"][:-8] + "AAAAAAAA"}}, root, "answer")),
]:
    try:
        changed()
        print("taken", name)
    except jwt.InvalidTokenError:
        pass
print(certified(reply, root, "answer") is not None)
"""
    verified = run_python(program)
    assert (verified.returncode, verified.stdout) == (0, "True\n"), verified.stdout + verified.stderr
    # 400 days on, it has ended.
    late = run_python(program, 401 * 24 * 3600)
    assert late.returncode != 0 and "ExpiredSignatureError" in late.stderr, late.stdout + late.stderr


@pytest.mark.parametrize("skew", FEW_SKEWS)
def test_the_typescript_sample_verifies_answers(server, tmp_path, skew):
    asked, instead = questions(server)
    program = sample(CLIENT, "ts", "export async function verifyAnswer(")
    program = program.replace('const ALGORITHM = "RS256"', f"const ALGORITHM = {json.dumps(server.algorithm)}")
    program += f"""
const certificate = {json.dumps(server.certificate())};
const key = await certified(certificate, {json.dumps(server.root_public_key())});
const [asked, instead]: [Reply, Reply] = [{json.dumps(asked)}, {json.dumps(instead)}];
const url = {json.dumps(server.url)};
if ((await ask(url, "/verify", instead, key)).status !== 200) throw new Error("refused");
if ((await ask(url, "/verify", asked, key)).fields.reason !== "revoked") throw new Error("not refused");

// Somebody in between hands on a signed answer about another license.
const sent = globalThis.fetch;
globalThis.fetch = (input, init) => {{
  const nonce = JSON.parse(String(init?.body)).nonce;
  return sent(input, {{ ...init, body: JSON.stringify({{ ...instead, nonce }}) }});
}};
console.log(await ask(url, "/verify", asked, key).then(() => "taken", () => "refused"));
"""
    verified = run_typescript(program, tmp_path, skew)
    assert (verified.returncode, verified.stdout) == (0, "refused\n"), verified.stdout + verified.stderr


def test_the_csharp_sample_verifies_answers(server, tmp_path):
    asked, instead = questions(server)
    pairs = lambda of: ", ".join(f"[{json.dumps(name)}] = {json.dumps(value)}" for name, value in of.items())
    fields = lambda of: f"new Dictionary<string, string> {{ {pairs(of)} }}"
    program = sample(CLIENT, "csharp", "static class SignedAnswers") + f"""
// Somebody in between, who keeps the nonce and asks about another license; or who answers by himself.
class InBetween : DelegatingHandler
{{
    public string Answers;

    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request, System.Threading.CancellationToken cancellation)
    {{
        XElement sent = SignedAnswers.Json(await request.Content.ReadAsByteArrayAsync());
        var instead = {fields(instead)};
        instead["nonce"] = (string)sent.Element("nonce");
        request.Content = new StringContent(SignedAnswers.Canonical(instead), Encoding.UTF8, "application/json");
        if (Answers == null) return await base.SendAsync(request, cancellation);
        return new HttpResponseMessage(System.Net.HttpStatusCode.OK) {{ Content = new StringContent(Answers) }};
    }}
}}

static class Program
{{
    static void Main(string[] given)
    {{
        RSA key;
        try
        {{
            key = SignedAnswers.Certified(given[1], given[2]);
        }}
        catch (Exception e) when (e is FormatException || e is IndexOutOfRangeException)
        {{
            Console.WriteLine("no key of RSA");
            return;
        }}
        Say(Ask(new HttpClientHandler(), given[0], {fields(instead)}, key));
        Say(Ask(new HttpClientHandler(), given[0], {fields(asked)}, key));
        Say(Ask(new InBetween {{ InnerHandler = new HttpClientHandler() }}, given[0], {fields(asked)}, key));
        foreach (string answer in given.Skip(3))
            Say(Ask(new InBetween {{ InnerHandler = new HttpClientHandler(), Answers = answer }}, given[0], {fields(asked)}, key));
        try
        {{
            SignedAnswers.Certified(given[1].Replace("publicKey\\":\\"", "publicKey\\":\\" "), given[2]);
            Console.WriteLine("taken");
        }}
        catch (CryptographicException)
        {{
            Console.WriteLine("not by the root");
        }}
    }}

    static (int Status, string Reply) Ask(
        HttpMessageHandler handler, string url, Dictionary<string, string> fields, RSA key)
    {{
        using (var http = new HttpClient(handler)) return SignedAnswers.Ask(http, url, "/verify", fields, key).Result;
    }}

    static void Say((int Status, string Reply) answer) => Console.WriteLine(answer.Status + " " + (answer.Reply == null
        ? "forged" : (string)SignedAnswers.Json(Encoding.UTF8.GetBytes(answer.Reply)).Element("status") ?? "refused"));
}}
"""
    _, unsigned = call(server.url, "/verify", instead)
    forged = ["", "[]", "null", "<html>", "{}", json.dumps(unsigned), json.dumps({**unsigned, "signature": "a.b.c"})]
    certificate = json.dumps(server.certificate(), separators=(",", ":"))
    ran = run_csharp(program, tmp_path, server.url, certificate, server.root_public_key(), *forged)
    expected = ["200 active", "403 refused", "200 forged", *["200 forged"] * len(forged), "not by the root"]
    # The sample is for RS256.
    expected = expected if server.algorithm == "RS256" else ["no key of RSA"]
    assert (ran.returncode, ran.stdout.splitlines()) == (0, expected), ran.stdout + ran.stderr
