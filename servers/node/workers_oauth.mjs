// @cloudflare/workers-oauth-provider on workerd: node workers_oauth.mjs PORT REDIRECT_URI
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Miniflare, fetch } from "miniflare";

const [port, redirectUri] = process.argv.slice(2);
const base = `http://127.0.0.1:${port}`;
const code = async (name) => readFile(fileURLToPath(import.meta.resolve(name)), "utf8");
const worker = new Miniflare({
  host: "127.0.0.1", port: Number(port), cf: false,
  compatibilityDate: "2026-07-30", compatibilityFlags: ["global_fetch_strictly_public"],
  modules: [
    { type: "ESModule", path: "worker.mjs", contents: await code("./workers_oauth_worker.mjs") },
    { type: "ESModule", path: "@cloudflare/workers-oauth-provider", contents: await code("@cloudflare/workers-oauth-provider") },
  ],
  bindings: { BASE: base },
  kvNamespaces: ["OAUTH_KV"],
  handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()),
  // All hosts are this machine: a client's document is at an https URL, and its application here.
  outboundService: ({ url }) => fetch(`http://127.0.0.1:${new URL(url).port}${new URL(url).pathname}`),
});
process.once("SIGTERM", () => worker.dispose());

await worker.ready;
const registration = await fetch(`${base}/oauth/register`, { method: "POST", headers: { "content-type": "application/json" },
  body: JSON.stringify({ client_name: "An application", redirect_uris: [redirectUri], token_endpoint_auth_method: "client_secret_basic",
    grant_types: ["authorization_code", "refresh_token"] }) });
const client = await registration.json();
console.log(JSON.stringify({
  authorize_url: `${base}/authorize`, token_url: `${base}/oauth/token`, revoke_url: `${base}/oauth/token`, api_url: `${base}/mcp`,
  client_id: client.client_id, client_secret: client.client_secret, issuer: base, sends_issuer: true, mcp_url: `${base}/mcp`,
  scopes: ["read", "write"] }));
