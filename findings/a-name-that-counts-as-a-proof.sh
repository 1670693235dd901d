#!/usr/bin/env bash
# @cloudflare/workers-oauth-provider: a client that proves itself by HTTP Basic also says its client_id in the body.
#
# A good guess: that is fine. An id alone proves nothing, RFC 6749 section 3.2.1 lets a client identify itself by it, and servers
# made with the MCP SDK for Python answer 401 without it (a-promise-of-basic.sh). So a client for MCP servers sends it always.
# What happens: 400 invalid_request, "Client must not use multiple authentication methods", for codes, refreshes and
# revocation. Nothing is spent by that. An empty client_id counts as none, and so does an empty client_secret.
#
# For users of extauth: no one request by Basic suits both kinds of MCP server. mcp_provider() sends the id beside Basic only where
# the server lists client_secret_post before client_secret_basic, as those with the SDK do. With an OAuth2Provider of your own say
# TokenRequests(names_client=True) for those, and nothing for this one; client_auth="client_secret_post" suits both, for a client
# that was registered with it.
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
const env = { OAUTH_KV: new Store() };
const consentPage = {
  async fetch(request, { OAUTH_PROVIDER }) {
    const asked = await OAUTH_PROVIDER.parseAuthRequest(request);
    const consent = { request: asked, userId: "alice", metadata: {}, scope: asked.scope, props: {} };
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

const registration = { redirect_uris: [CALLBACK], token_endpoint_auth_method: "client_secret_basic" };
const headers = { "content-type": "application/json" };
const client = await (await send("/register", { method: "POST", headers, body: JSON.stringify(registration) })).json();
const basic = { authorization: `Basic ${btoa(`${client.client_id}:${client.client_secret}`)}` };
const seen = [];
const ask = async (what, form) => {
  const response = await send("/token", { method: "POST", headers: basic, body: new URLSearchParams(form) });
  const answer = JSON.parse((await response.text()) || "{}");
  console.log(what.padEnd(44), response.status, answer.error_description ?? "");
  seen.push(response.status);
  return answer;
};

const version = JSON.parse(fs.readFileSync("node_modules/@cloudflare/workers-oauth-provider/package.json")).version;
console.log("@cloudflare/workers-oauth-provider", version, "Node", process.version);
const query = { response_type: "code", client_id: client.client_id, redirect_uri: CALLBACK, scope: "read", state: "s" };
const consented = new URL((await send(`/authorize?${new URLSearchParams(query)}`)).headers.get("location"));
const code = { grant_type: "authorization_code", code: consented.searchParams.get("code"), redirect_uri: CALLBACK };
const named = { client_id: client.client_id };
await ask("code, Basic and the id in the body", { ...code, ...named });
const first = await ask("the same code, Basic alone", code);
const refresh = { grant_type: "refresh_token", refresh_token: first.refresh_token };
await ask("refresh, Basic and the id in the body", { ...refresh, ...named });
const second = await ask("the same token, Basic, empty id and secret", { ...refresh, client_id: "", client_secret: "" });
const token = { token: second.refresh_token };
await ask("revocation, Basic and the id in the body", { ...token, ...named });
await ask("revocation, Basic alone", token);
process.exit(JSON.stringify(seen) === "[400,200,400,200,400,200]" ? 0 : 1);
JS
NODE_NO_WARNINGS=1 timeout 60 node server.mjs 2>&1 | grep -v "^CIMD"
