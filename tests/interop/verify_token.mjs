#!/usr/bin/env node
// Verifies a Keystead token as an application does: offline, from public keys alone, with jose.
//
//     node verify_token.mjs http://127.0.0.1:8787 [ROOT_PUBLIC_KEY.pem]
//
// Activates a machine on the demo license of that server, verifies the token it gets, and expects every token that was
// tampered with to be refused. With the root's public key, checks as well that the root vouches for the signing key.
// Ends with exit code 0 if all went so. KEYSTEAD_NODE_MODULES names the folder that jose is installed in, if it is not
// beside this file.

import { createHmac, createPublicKey, verify } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const LICENSE = "de300000-0000-4000-8000-000000000001";
const PRODUCT = "demo-app";
const MACHINE = "interop-node";
const CLAIMS = ["iss", "sub", "licenseKey", "machineFingerprint", "productId", "variant", "status", "iat", "exp"];

const folder = process.env.KEYSTEAD_NODE_MODULES;
const installed = createRequire(folder ? pathToFileURL(`${folder}/`) : import.meta.url);
const { createLocalJWKSet, errors, jwtVerify } = await import(pathToFileURL(installed.resolve("jose")));

const [url, rootFile] = process.argv.slice(2);
if (!url) throw new Error("usage: node verify_token.mjs URL [ROOT_PUBLIC_KEY.pem]");

async function call(path, body) {
  const request = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(url + path, request);
  const reply = await response.json();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${reply.error}`);
  return reply;
}

const { token } = await call("/activate", {
  licenseKey: LICENSE,
  machineFingerprint: MACHINE,
  hostname: "interop",
  productId: PRODUCT,
});
const jwks = await call("/.well-known/jwks.json");
const certificate = await call("/getSigningKey");

// The algorithms are those of the keys. What a token says of its algorithm is never believed.
const check = (token) =>
  jwtVerify(token, createLocalJWKSet(jwks), {
    algorithms: jwks.keys.map((key) => key.alg),
    issuer: "keystead",
    requiredClaims: CLAIMS,
  });

const { payload: claims } = await check(token);
const expected = { licenseKey: LICENSE, machineFingerprint: MACHINE, productId: PRODUCT, status: "active" };
for (const [claim, value] of Object.entries(expected)) {
  if (claims[claim] !== value) throw new Error(`${claim} is ${claims[claim]}, not ${value}`);
}
console.log("verified:", JSON.stringify(claims));

const [header, payload, signature] = token.split(".");
const encode = (part) => Buffer.from(part).toString("base64url");
const fields = JSON.parse(Buffer.from(header, "base64url"));
const withHeader = (changes) => encode(JSON.stringify({ ...fields, ...changes }));
const withClaims = (changes) => encode(JSON.stringify({ ...claims, ...changes }));
const bits = Buffer.from(signature, "base64url");
bits[bits.length - 1] ^= 1;
const confused = `${withHeader({ alg: "HS256" })}.${payload}`;
const mac = createHmac("sha256", certificate.publicKey).update(confused).digest("base64url");

const tampered = {
  "another machine": `${header}.${withClaims({ machineFingerprint: "x" })}.${signature}`,
  "a longer life": `${header}.${withClaims({ exp: claims.exp + 1 })}.${signature}`,
  "one bit of the signature": `${header}.${payload}.${encode(bits)}`,
  "no signature": `${header}.${payload}.`,
  "no algorithm": `${withHeader({ alg: "none" })}.${payload}.`,
  "the public key as an HMAC key": `${confused}.${mac}`,
  "another key's id": `${withHeader({ kid: "x" })}.${payload}.${signature}`,
  "one more header": `${withHeader({ jku: "https://example.com" })}.${payload}.${signature}`,
};
for (const [what, forged] of Object.entries(tampered)) {
  const refusal = await check(forged).then(
    () => null,
    (error) => error,
  );
  if (refusal === null) throw new Error(`accepted a token with ${what}`);
  if (!(refusal instanceof errors.JOSEError)) throw refusal;
  console.log(`refused: ${what} (${refusal.code})`);
}

if (rootFile) {
  const root = createPublicKey(await readFile(rootFile, "utf8"));
  const rootSignature = Buffer.from(certificate.rootSignature, "base64");
  if (!verify("sha256", Buffer.from(certificate.publicKey), root, rootSignature)) {
    throw new Error("the root does not vouch for the signing key");
  }
  console.log("certified: the root vouches for", certificate.kid);
}
