#!/usr/bin/env bash
# oidc-provider, as it comes but for revocation and introspection switched on: one of several tokens of a user is revoked (RFC
# 7009).
#
# First a client refreshes, so that it has an old and a new access token, tidies up, and revokes the old one. Then the user
# connects twice, as for two links, and the refresh token of the first is revoked.
#
# A good guess: what was revoked is dead, with its access tokens if it was a refresh token; the newer tokens live. RFC 7009
# (section 2.1) has the access tokens of a grant end with its refresh token, and merely allows it the other way round.
# What happens: everything is dead both times, answered 200. The access token takes the refresh token along, since both are of
# one grant, and two consents of one user to one client in one browser session are one grant as well.
#
# For users of extauth: it revokes when a user disconnects, and what nobody can use any more. Do not revoke access tokens
# yourself to tidy up. At such a server a second, named link of the same account ends with the first, unless you say
# Revocation.standard(url, whole_grant=True): then unlinking one revokes nothing as long as the other is there, and says so.
set -euo pipefail
{ command -v node && command -v npm; } > /dev/null || { echo "this needs Node.js 20 or later with npm on the PATH" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --no-audit --no-fund --loglevel=error --prefix "$folder" oidc-provider@9.13.3 > /dev/null
cat > server.mjs <<'JS'
import crypto from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import Provider from "oidc-provider";

const server = http.createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;
const callback = `${issuer}/callback`;
const allowed = () => true;
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "c",
      client_secret: "s",
      redirect_uris: [callback],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
    },
  ],
  features: {
    revocation: { enabled: true, allowedPolicy: allowed },
    introspection: { enabled: true, allowedPolicy: allowed },
  },
});
server.on("request", provider.callback());

const cookies = new Map();
async function browse(url, form) {
  const response = await fetch(url, {
    redirect: "manual",
    headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") },
    ...(form && { method: "POST", body: new URLSearchParams(form) }),
  });
  for (const cookie of response.headers.getSetCookie()) {
    const [, name, value] = cookie.match(/^([^=]+)=([^;]*)/);
    cookies.set(name, value);
  }
  return response;
}

/** Log in and consent on the provider's own pages, and return the code. */
async function consent(challenge) {
  const query = new URLSearchParams({
    client_id: "c",
    response_type: "code",
    redirect_uri: callback,
    scope: "openid offline_access",
    prompt: "consent",
    code_challenge: challenge,
    code_challenge_method: "S256",
  });
  let response = await browse(`${issuer}/auth?${query}`);
  for (let step = 0; step < 12; step += 1) {
    const location = response.headers.get("location");
    if (location?.startsWith(callback)) return new URL(location).searchParams.get("code");
    if (location) {
      response = await browse(new URL(location, issuer));
    } else {
      const page = await response.text();
      const prompt = page.match(/name="prompt" value="(\w+)"/)[1];
      const action = new URL(page.match(/action="([^"]+)"/)[1], issuer);
      response = await browse(action, { prompt, ...(prompt === "login" && { login: "alice", password: "any" }) });
    }
  }
  throw new Error("no code came");
}

async function ask(path, form) {
  const response = await fetch(issuer + path, {
    method: "POST",
    headers: { authorization: `Basic ${btoa("c:s")}` },
    body: new URLSearchParams(form),
  });
  const text = await response.text();
  return { status: response.status, ...(text ? JSON.parse(text) : {}) };
}

async function active(token) {
  return (await ask("/token/introspection", { token })).active;
}

async function connect() {
  const verifier = crypto.randomBytes(32).toString("base64url");
  const code = await consent(crypto.createHash("sha256").update(verifier).digest("base64url"));
  return ask("/token", { grant_type: "authorization_code", code, redirect_uri: callback, code_verifier: verifier });
}

const refresh = (tokens) => ask("/token", { grant_type: "refresh_token", refresh_token: tokens.refresh_token });

const old = await connect();
const fresh = await refresh(old);
const before = [await active(old.access_token), await active(fresh.access_token)];
const revoked = await ask("/token/revocation", { token: old.access_token, token_type_hint: "access_token" });
const after = [await active(old.access_token), await active(fresh.access_token)];
const again = await refresh(fresh);
const first = await connect();
const second = await connect();
await ask("/token/revocation", { token: first.refresh_token, token_type_hint: "refresh_token" });
const shared = [await active(second.access_token), (await refresh(second)).status];
const version = JSON.parse(fs.readFileSync("node_modules/oidc-provider/package.json")).version;
console.log("oidc-provider", version, "Node", process.version);
console.log("active before: old", before[0], "new", before[1]);
console.log("revoking the old access token:", revoked.status);
console.log("active after:  old", after[0], "new", after[1]);
console.log("refresh with the refresh token:", again.status, again.error);
console.log("of two links, the first one's refresh token revoked; the second: active", shared[0], "refresh", shared[1]);
const seen = JSON.stringify([before, revoked.status, after, again.status, again.error, shared]);
process.exit(seen === JSON.stringify([[true, true], 200, [false, false], 400, "invalid_grant", [false, 400]]) ? 0 : 1);
JS
NODE_NO_WARNINGS=1 timeout 60 node server.mjs 2>&1 | grep -v -e "oidc-provider NOTICE" -e "oidc-provider WARNING"
