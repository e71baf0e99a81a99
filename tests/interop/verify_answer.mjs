#!/usr/bin/env node
// Verifies signed answers of Keystead as an application does: with a key that the root vouches for, with jose.
//
//     node verify_answer.mjs http://127.0.0.1:8787 ROOT_PUBLIC_KEY.pem [RS256|EdDSA [LICENSE_KEY]]
//
// Asks that server for a license, with nonces, verifies its answers, and expects every answer that was tampered with or is
// to another request to be refused. Ends with exit code 0 if all went so. KEYSTEAD_NODE_MODULES names the folder that jose
// is installed in, if it is not beside this file.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const folder = process.env.KEYSTEAD_NODE_MODULES;
const installed = createRequire(folder ? pathToFileURL(`${folder}/`) : import.meta.url);
const { base64url, compactVerify, importSPKI } = await import(pathToFileURL(installed.resolve("jose")));

const [url, rootFile, algorithm = "RS256", license = "de300000-0000-4000-8000-000000000001"] = process.argv.slice(2);
if (!rootFile) throw new Error("usage: node verify_answer.mjs URL ROOT_PUBLIC_KEY.pem [RS256|EdDSA [LICENSE_KEY]]");

/** The text that is signed of fields: RFC 8785. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const fields = Object.keys(value).sort();
  return `{${fields.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

/** The signing key in the reply of /getSigningKey; rejects if the root did not sign it. */
async function certified(certificate, rootPublicKey) {
  const root = await importSPKI(rootPublicKey, "RS256");
  const signature = Uint8Array.from(atob(certificate.rootSignature), (char) => char.charCodeAt(0));
  const text = new TextEncoder().encode(certificate.publicKey);
  if (!(await crypto.subtle.verify("RSASSA-PKCS1-v1_5", root, signature, text))) throw new Error("not certified");
  return importSPKI(certificate.publicKey, algorithm);
}

async function digest(fields) {
  const bytes = new TextEncoder().encode(canonical(fields));
  return base64url.encode(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

/** Rejects unless `reply`, with `status`, is the service's to `body` and `nonce`, sent to `path`. */
async function verifyAnswer(key, path, body, nonce, status, reply) {
  const { signature, ...fields } = reply;
  const { payload, protectedHeader } = await compactVerify(String(signature), key, { algorithms: [algorithm] });
  const said = JSON.parse(new TextDecoder().decode(payload));
  const good =
    protectedHeader.typ === "keystead-answer+jws" &&
    said.nonce === nonce &&
    said.request === (await digest(body)) &&
    said.path === path &&
    said.status === status &&
    said.sha256 === (await digest(fields));
  if (!good) throw new Error("not the answer to this request");
  return fields;
}

async function ask(path, body) {
  const nonce = base64url.encode(crypto.getRandomValues(new Uint8Array(24)));
  const response = await fetch(url + path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...body, nonce }),
  });
  return { nonce, status: response.status, reply: await response.json() };
}

const certificate = await (await fetch(`${url}/getSigningKey`)).json();
const rootPublicKey = await readFile(rootFile, "utf8");
const key = await certified(certificate, rootPublicKey);
const uncertified = await certified({ ...certificate, publicKey: `${certificate.publicKey}\n` }, rootPublicKey).then(
  () => false,
  () => true,
);
if (!uncertified) throw new Error("accepted a key that the root did not sign");

for (const [path, body, expected] of [
  ["/activate", { licenseKey: license, machineFingerprint: "jose", hostname: "interop", productId: "demo-app" }, 200],
  ["/verify", { licenseKey: license, productId: "demo-app" }, 200],
  ["/verify", { licenseKey: license, productId: "another" }, 403],
]) {
  const { nonce, status, reply } = await ask(path, body);
  if (status !== expected) throw new Error(`${path}: ${status} ${reply.error}`);
  const fields = await verifyAnswer(key, path, body, nonce, status, reply);
  console.log("verified:", path, JSON.stringify(fields));

  const { signature, ...unsigned } = reply;
  const [field] = Object.keys(unsigned);
  const { [field]: _, ...lacking } = reply;
  for (const [what, forged] of Object.entries({
    "another nonce": [path, body, "another-nonce-that-is-long-enough", status, reply],
    "another path": ["/heartbeat", body, nonce, status, reply],
    "another question": [path, { ...body, licenseKey: "another" }, nonce, status, reply],
    "another status": [path, body, nonce, 404, reply],
    "one more field": [path, body, nonce, status, { ...reply, more: true }],
    "a field less": [path, body, nonce, status, lacking],
    "another value": [path, body, nonce, status, { ...reply, [field]: "changed" }],
    "no signature": [path, body, nonce, status, unsigned],
  })) {
    const refusal = await verifyAnswer(key, ...forged).then(
      () => null,
      (error) => error,
    );
    if (refusal === null) throw new Error(`accepted an answer with ${what}`);
    console.log(`refused: ${what} (${refusal.code ?? refusal.message})`);
  }
}
