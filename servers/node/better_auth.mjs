// @better-auth/oauth-provider on SQLite: node better_auth.mjs PORT REDIRECT_URI
import { createServer } from "node:http";
import { DatabaseSync } from "node:sqlite";
import { oauthProvider } from "@better-auth/oauth-provider";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { jwt } from "better-auth/plugins";

const [port, redirectUri] = process.argv.slice(2);
const base = `http://127.0.0.1:${port}`;
const scopes = ["openid", "offline_access", "read", "write"];
const alice = { name: "Alice", email: "alice@example.com", password: "of-this-run-only" };
const auth = betterAuth({
  baseURL: base,
  secret: "of-this-run-only-and-long-enough",
  database: new DatabaseSync(":memory:"),
  emailAndPassword: { enabled: true },
  disabledPaths: ["/token"],
  logger: { disabled: true },
  plugins: [jwt(), oauthProvider({ loginPage: "/sign-in", consentPage: "/consent", scopes })],
});
await (await getMigrations(auth.options)).runMigrations();
const { headers } = await auth.api.signUpEmail({ body: alice, returnHeaders: true });
const cookie = headers.getSetCookie().map((each) => each.split(";")[0]).join("; ");
const client = await auth.api.adminCreateOAuthClient({ headers: { cookie }, body: {
  client_name: "An application", redirect_uris: [redirectUri], scope: scopes.join(" "),
  application_type: "native",
  token_endpoint_auth_method: "client_secret_basic", grant_types: ["authorization_code", "refresh_token"] } });

// Everybody signs in as alice, and says yes.
const pages = {
  "/sign-in": ["/sign-in/email", { email: alice.email, password: alice.password }],
  "/consent": ["/oauth2/consent", { accept: true }],
};
const handler = toNodeHandler(auth);
createServer(async (req, res) => {
  const url = new URL(req.url, base);
  if (!(url.pathname in pages)) return handler(req, res);
  const [path, form] = pages[url.pathname];
  const answer = await auth.handler(new Request(`${base}/api/auth${path}`, { method: "POST",
    headers: { "content-type": "application/json", origin: base, cookie: req.headers.cookie ?? "" },
    body: JSON.stringify({ ...form, oauth_query: url.search.slice(1) }) }));
  const { url: next } = await answer.json();
  res.writeHead(302, { location: next, "set-cookie": answer.headers.getSetCookie() }).end();
}).listen(Number(port), "127.0.0.1", () => console.log(JSON.stringify({
  authorize_url: `${base}/api/auth/oauth2/authorize`, token_url: `${base}/api/auth/oauth2/token`,
  revoke_url: `${base}/api/auth/oauth2/revoke`, api_url: `${base}/api/auth/oauth2/userinfo`,
  client_id: client.client_id, client_secret: client.client_secret, issuer: `${base}/api/auth`, sends_issuer: true,
  openid: true, unknown_token_codes: ["invalid_request"], reuse_revokes_account: true, scopes })));
