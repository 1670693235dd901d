#!/usr/bin/env bash
# @cloudflare/workers-oauth-provider: a connected user begins to connect again, and does not finish.
#
# Alice is connected to a client. Later she goes to the consent page again, says yes, and the redirect back never arrives: the
# browser is closed, or the callback's server is down. The code is never exchanged.
#
# A good guess: nothing has happened. The code runs out, and the tokens from the first time work on; at the earliest,
# exchanging the code could replace them.
# What happens: with the click on "yes" the first grant is gone, access token and refresh token. completeAuthorization()
# removes all earlier grants of that user to that client, before anybody has tokens in their place. `revokeExistingGrants:
# false` is the way out.
#
# For users of extauth: everywhere else the old link works until the new one is stored. Behind this provider a half-finished
# reconnect gives ReauthorizationRequired, and two links of one account (named links) end each other in turn. If the server is
# yours, switch that off.
set -euo pipefail
{ command -v node && command -v npm; } > /dev/null || { echo "this needs Node.js 20 or later with npm on the PATH" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --no-audit --no-fund --loglevel=error --prefix "$folder" @cloudflare/workers-oauth-provider@1.2.3 > /dev/null
cat > server.mjs <<'JS'
import fs from "node:fs";
import { register } from "node:module";

// The platform's base class, of which the package only inherits; everything else is the package's own.
const platform = "data:text/javascript,export class WorkerEntrypoint {}";
register(
  "data:text/javascript," +
    encodeURIComponent(`export const resolve = async (name, context, next) =>
      name === "cloudflare:workers" ? { url: "${platform}", shortCircuit: true } : next(name, context);`),
);
const { OAuthProvider } = await import("@cloudflare/workers-oauth-provider");

/** A key-value store, as the platform has it. */
class Store {
  values = new Map();
  async get(key, options) {
    const value = this.values.get(key) ?? null;
    return value !== null && (options?.type ?? options) === "json" ? JSON.parse(value) : value;
  }
  async put(key, value) {
    this.values.set(key, value);
  }
  async delete(key) {
    this.values.delete(key);
  }
  async list({ prefix = "" } = {}) {
    const names = [...this.values.keys()].filter((name) => name.startsWith(prefix));
    return { keys: names.map((name) => ({ name })), list_complete: true };
  }
}

const SERVER = "https://server.example";
const CALLBACK = "https://app.example/callback";

async function connectTwice(options) {
  const env = { OAUTH_KV: new Store() };
  const consentPage = {
    async fetch(request, { OAUTH_PROVIDER }) {
      const asked = await OAUTH_PROVIDER.parseAuthRequest(request);
      const consent = { request: asked, userId: "alice", metadata: {}, scope: asked.scope, props: {}, ...options };
      return Response.redirect((await OAUTH_PROVIDER.completeAuthorization(consent)).redirectTo, 302);
    },
  };
  const provider = new OAuthProvider({
    apiRoute: `${SERVER}/api/`,
    apiHandler: { fetch: async () => new Response("hello") },
    resourceMetadata: { resource: `${SERVER}/api/` },
    defaultHandler: consentPage,
    authorizeEndpoint: `${SERVER}/authorize`,
    tokenEndpoint: `${SERVER}/token`,
    clientRegistrationEndpoint: `${SERVER}/register`,
    onError: () => undefined,
  });
  const context = { waitUntil() {}, passThroughOnException() {} };
  const send = (path, init) => provider.fetch(new Request(SERVER + path, init), env, context);

  const registration = { redirect_uris: [CALLBACK], grant_types: ["authorization_code", "refresh_token"] };
  const headers = { "content-type": "application/json" };
  const client = await (await send("/register", { method: "POST", headers, body: JSON.stringify(registration) })).json();
  const basic = { authorization: `Basic ${btoa(`${client.client_id}:${client.client_secret}`)}` };
  const ask = async (form) => {
    const response = await send("/token", { method: "POST", headers: basic, body: new URLSearchParams(form) });
    return { status: response.status, ...(await response.json()) };
  };
  const consent = async () => {
    const query = { response_type: "code", client_id: client.client_id, redirect_uri: CALLBACK, scope: "read", state: "s" };
    const response = await send(`/authorize?${new URLSearchParams(query)}`);
    return new URL(response.headers.get("location")).searchParams.get("code");
  };
  const api = async (token) => (await send("/api/", { headers: { authorization: `Bearer ${token}` } })).status;

  const tokens = await ask({ grant_type: "authorization_code", code: await consent(), redirect_uri: CALLBACK });
  const seen = [await api(tokens.access_token)];
  await consent();
  seen.push(await api(tokens.access_token));
  seen.push((await ask({ grant_type: "refresh_token", refresh_token: tokens.refresh_token })).status);
  return seen;
}

const version = JSON.parse(fs.readFileSync("node_modules/@cloudflare/workers-oauth-provider/package.json")).version;
console.log("@cloudflare/workers-oauth-provider", version, "Node", process.version);
const asItComes = await connectTwice({});
const kept = await connectTwice({ revokeExistingGrants: false });
for (const [name, [before, after, refresh]] of [["as it comes", asItComes], ["revokeExistingGrants: false", kept]])
  console.log(`${name.padEnd(28)} API: ${before}; after a second consent: API ${after}, refresh ${refresh}`);
process.exit(JSON.stringify([asItComes, kept]) === "[[200,401,400],[200,200,200]]" ? 0 : 1);
JS
NODE_NO_WARNINGS=1 timeout 60 node server.mjs 2>&1 | grep -v "^CIMD"
