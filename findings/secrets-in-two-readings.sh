#!/usr/bin/env bash
# A client secret with a plus or a percent sign, as random generators make them, sent by HTTP Basic: which client gets into
# which server?
#
# RFC 6749 (section 2.3.1) form-encodes id and secret before they go into the header. Four clients, two servers, one secret:
# a+b/c=. Each asks for a refresh with an unknown token, so invalid_grant means that the secret was right.
#
# A good guess: the RFC is from 2012; all four encode, both servers decode, and every pair works.
# What happens: the two from npm encode, the two from PyPI don't; oidc-provider decodes and @node-oauth doesn't. So each
# server lets in exactly the clients that the other turns away. The same secret "works" with one library and is invalid_client
# with another.
#
# For users of extauth: it encodes, as the RFC says. If a provider answers invalid_client although the secret is right, and
# the secret has other characters than letters and digits, have a new one made, or send it in the body, where there is only
# one reading: client_auth="client_secret_post". A server that takes nothing but Basic, and that raw, has
# client_auth="client_secret_basic_raw". The error names this cause; the other way is never tried by itself.
set -euo pipefail
{ command -v node && command -v npm; } > /dev/null || { echo "this needs Node.js 20 or later with npm on the PATH" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --no-audit --no-fund --loglevel=error --prefix "$folder" \
    oidc-provider@9.13.3 @node-oauth/oauth2-server@5.3.0 openid-client@6.9.0 simple-oauth2@5.1.0 > /dev/null
python3 -m venv venv
venv/bin/pip install -qq --disable-pip-version-check Authlib==1.9.10 requests==2.34.2 requests-oauthlib==2.0.0
cat > clients.py <<'PY'
import os, sys

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
which, url, secret = sys.argv[1:]
try:
    if which == "Authlib":
        from authlib.integrations.requests_client import OAuth2Session

        OAuth2Session("c", secret).refresh_token(url, "unknown")
    else:
        from requests.auth import HTTPBasicAuth
        from requests_oauthlib import OAuth2Session

        OAuth2Session("c").refresh_token(url, "unknown", auth=HTTPBasicAuth("c", secret))
except Exception as error:
    print(error.error)
PY
cat > meet.mjs <<'JS'
import { execFile } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import { promisify } from "node:util";
import OAuth2Server from "@node-oauth/oauth2-server";
import Provider from "oidc-provider";
import * as openid from "openid-client";
import { AuthorizationCode } from "simple-oauth2";

const SECRET = "a+b/c=";
const run = promisify(execFile);

async function listen() {
  const server = http.createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return [server, `http://127.0.0.1:${server.address().port}`];
}

async function oidcProvider() {
  const [server, url] = await listen();
  const client = { client_id: "c", client_secret: SECRET, redirect_uris: [`${url}/callback`] };
  const provider = new Provider(url, { clients: [{ ...client, grant_types: ["authorization_code", "refresh_token"] }] });
  server.on("request", provider.callback());
  return url;
}

async function nodeOAuth() {
  const [server, url] = await listen();
  const model = {
    getClient: async (id, secret) => (secret === SECRET ? { id, grants: ["refresh_token"] } : undefined),
    getRefreshToken: async () => undefined,
    getAccessToken: async () => undefined,
    saveToken: async (token) => token,
    revokeToken: async () => true,
  };
  const oauth = new OAuth2Server({ model });
  server.on("request", async (incoming, outgoing) => {
    let text = "";
    for await (const chunk of incoming) text += chunk;
    const { method, headers } = incoming;
    const body = Object.fromEntries(new URLSearchParams(text));
    const response = new OAuth2Server.Response({});
    await oauth.token(new OAuth2Server.Request({ method, headers, query: {}, body }), response).catch(() => {});
    // Without the challenge, which one client would report instead of the error.
    outgoing.writeHead(response.status, { "content-type": "application/json" });
    outgoing.end(JSON.stringify(response.body));
  });
  return url;
}

const python = (which) => async (url) =>
  (await run("venv/bin/python", ["-W", "ignore", "clients.py", which, `${url}/token`, SECRET])).stdout.trim();
const clients = {
  "openid-client": async (url) => {
    const config = new openid.Configuration(
      { issuer: url, token_endpoint: `${url}/token` }, "c", SECRET, openid.ClientSecretBasic(SECRET),
    );
    openid.allowInsecureRequests(config);
    return openid.refreshTokenGrant(config, "unknown").catch((error) => error.error ?? error.cause?.[0]?.parameters.error);
  },
  "simple-oauth2": async (url) => {
    const client = new AuthorizationCode({ client: { id: "c", secret: SECRET }, auth: { tokenHost: url, tokenPath: "/token" } });
    const token = client.createToken({ access_token: "old", refresh_token: "unknown" });
    return token.refresh().catch((error) => error.data.payload.error);
  },
  Authlib: python("Authlib"),
  "requests-oauthlib": python("requests-oauthlib"),
};
const servers = { "oidc-provider": await oidcProvider(), "@node-oauth/oauth2-server": await nodeOAuth() };
for (const name of ["oidc-provider", "@node-oauth/oauth2-server", "openid-client", "simple-oauth2"])
  console.log(name, JSON.parse(fs.readFileSync(`node_modules/${name}/package.json`)).version);
console.log("Authlib 1.9.10, requests-oauthlib 2.0.0, requests 2.34.2, Node", process.version);
const seen = {};
for (const [name, ask] of Object.entries(clients)) {
  seen[name] = [];
  for (const url of Object.values(servers)) seen[name].push(await ask(url));
  console.log(name.padEnd(18), ...Object.keys(servers).map((server, i) => `${server}: ${String(seen[name][i]).padEnd(15)}`));
}
const encoding = ["invalid_grant", "invalid_client"];
const raw = ["invalid_client", "invalid_grant"];
const expected = { "openid-client": encoding, "simple-oauth2": encoding, Authlib: raw, "requests-oauthlib": raw };
process.exit(JSON.stringify(seen) === JSON.stringify(expected) ? 0 : 1);
JS
NODE_NO_WARNINGS=1 timeout 80 node meet.mjs 2>&1 | grep -v -e "oidc-provider NOTICE" -e "oidc-provider WARNING"
