#!/usr/bin/env bash
# An authorization server that does not say what type its tokens are of: which client gets on with it?
#
# OpenAuth's answers have access_token, refresh_token and expires_in, and no token_type, which RFC 6749 (section 5.1)
# requires. Four clients exchange a code there, show the access token to an API, and refresh.
#
# A good guess: nearly all tokens are bearer tokens, and a member that nobody looks at is missed by nobody.
# What happens: Authlib, requests-oauthlib and simple-oauth2 get on. openid-client takes no answer without it: the code is
# spent by then, and so is the refresh token when it refreshes. The exception has no tokens, and once the server's grace for a
# token that comes again is over (60 s by default, here 1), nobody has a refresh token that works.
#
# For users of extauth: nothing to do, a token without a type is a bearer token. Who moves from openid-client, or keeps it
# beside extauth, cannot have used such a server; and a test of a server with one client says little of others.
set -euo pipefail
{ command -v node && command -v npm; } > /dev/null || { echo "this needs Node.js 20 or later with npm on the PATH" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --no-audit --no-fund --loglevel=error --prefix "$folder" @openauthjs/openauth@0.4.3 hono@4.13.19 \
    @hono/node-server@2.1.9 arctic@2.3.4 openid-client@6.9.0 simple-oauth2@5.1.0 > /dev/null
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check Authlib==1.9.10 requests==2.34.2 requests-oauthlib==2.0.0
cat > clients.py <<'PY'
import os, sys

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
which, base, callback = sys.argv[1:]
where = callback.partition("?")[0]
if which == "Authlib":
    from authlib.integrations.requests_client import OAuth2Session

    client = OAuth2Session("a", redirect_uri=where, token_endpoint_auth_method="none")
    token = client.fetch_token(f"{base}/token", authorization_response=callback, state="s")
    status = client.get(f"{base}/me").status_code
    client.refresh_token(f"{base}/token", refresh_token=token["refresh_token"])
else:
    from requests_oauthlib import OAuth2Session

    client = OAuth2Session("a", redirect_uri=where, state="s")
    client.fetch_token(f"{base}/token", authorization_response=callback, include_client_id=True)
    status = client.get(f"{base}/me").status_code
    client.refresh_token(f"{base}/token", client_id="a")
print(f"code, API {status}, refresh")
PY
cat > meet.mjs <<'JS'
import { execFile } from "node:child_process";
import fs from "node:fs";
import { promisify } from "node:util";
import { serve } from "@hono/node-server";
import { issuer } from "@openauthjs/openauth";
import { MemoryStorage } from "@openauthjs/openauth/storage/memory";
import * as openid from "openid-client";
import { AuthorizationCode } from "simple-oauth2";

const CALLBACK = "http://127.0.0.1:1/callback";
const run = promisify(execFile);
const say = console.log;
console.log = () => {}; // the server logs each request

// Everybody is signed in as alice.
const alice = {
  type: "alice",
  init: (routes, context) => { routes.get("/authorize", (request) => context.success(request, {})); },
};
const app = issuer({
  providers: { alice },
  storage: MemoryStorage(),
  subjects: {},
  success: (context) => context.subject("user", { id: "alice" }),
  ttl: { access: 3600, reuse: 1 },
});
app.get("/me", async (request) => request.json({}, request.req.header("authorization")?.startsWith("Bearer ") ? 200 : 401));
const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
await new Promise((resolve) => server.once("listening", resolve));
const base = `http://127.0.0.1:${server.address().port}`;

// As a browser goes: from the authorization endpoint back to the application.
async function consent() {
  const asked = { response_type: "code", client_id: "a", redirect_uri: CALLBACK, state: "s", provider: "alice" };
  const cookies = new Map();
  let url = `${base}/authorize?${new URLSearchParams(asked)}`;
  while (!url.startsWith(CALLBACK)) {
    const cookie = [...cookies].map((pair) => pair.join("=")).join("; ");
    const answer = await fetch(url, { redirect: "manual", headers: { cookie } });
    for (const set of answer.headers.getSetCookie()) {
      const [name, ...value] = set.split(";")[0].split("=");
      cookies.set(name, value.join("="));
    }
    url = new URL(answer.headers.get("location"), url).href;
  }
  return url;
}
async function post(fields) {
  const answer = await fetch(`${base}/token`, { method: "POST", body: new URLSearchParams({ client_id: "a", ...fields }) });
  return answer.json();
}
const codeOf = (callback) => new URL(callback).searchParams.get("code");
const plainly = async (callback) => post({ grant_type: "authorization_code", code: codeOf(callback), redirect_uri: CALLBACK });

const config = new openid.Configuration({ issuer: base, token_endpoint: `${base}/token` }, "a", undefined, openid.None());
openid.allowInsecureRequests(config);
const refusal = (error) => error.cause?.message ?? error.message;
const python = (which) => async () =>
  (await run("venv/bin/python", ["-W", "ignore", "clients.py", which, base, await consent()])).stdout.trim();
const clients = {
  Authlib: python("Authlib"),
  "requests-oauthlib": python("requests-oauthlib"),
  "simple-oauth2": async () => {
    const client = new AuthorizationCode({ client: { id: "a", secret: "-" }, auth: { tokenHost: base, tokenPath: "/token" },
      options: { authorizationMethod: "body" } });
    const token = await client.getToken({ code: codeOf(await consent()), redirect_uri: CALLBACK });
    const headers = { authorization: `Bearer ${token.token.access_token}` };
    const { status } = await fetch(`${base}/me`, { headers });
    await token.refresh();
    return `code, API ${status}, refresh`;
  },
  "openid-client": async () => {
    const callback = await consent();
    const first = await openid.authorizationCodeGrant(config, new URL(callback), { expectedState: "s" }).catch(refusal);
    const { refresh_token } = await plainly(await consent());
    const second = await openid.refreshTokenGrant(config, refresh_token).catch(refusal);
    await new Promise((resolve) => setTimeout(resolve, 2500));
    const again = [await plainly(callback), await post({ grant_type: "refresh_token", refresh_token })].map(({ error }) => error);
    return [first, second, `code and refresh token then: ${again}`].join("; ");
  },
};
for (const name of ["@openauthjs/openauth", "openid-client", "simple-oauth2"])
  say(name, JSON.parse(fs.readFileSync(`node_modules/${name}/package.json`)).version);
say("Authlib 1.9.10, requests-oauthlib 2.0.0, requests 2.34.2, Node", process.version);
say("an answer has", Object.keys(await plainly(await consent())).sort().join(", "));
const works = "code, API 200, refresh";
const refused = '"response" body "token_type" property must be a string';
const expected = { Authlib: works, "requests-oauthlib": works, "simple-oauth2": works,
  "openid-client": `${refused}; ${refused}; code and refresh token then: invalid_grant,invalid_grant` };
const seen = {};
for (const [name, use] of Object.entries(clients)) say(name.padEnd(18), (seen[name] = await use()));
process.exit(JSON.stringify(seen) === JSON.stringify(expected) ? 0 : 1);
JS
NODE_NO_WARNINGS=1 timeout 80 node meet.mjs
