// OpenAuth as its guide wires it, with its storage in memory: node openauth.mjs PORT
import { serve } from "@hono/node-server";
import { issuer } from "@openauthjs/openauth";
import { MemoryStorage } from "@openauthjs/openauth/storage/memory";
import { createRemoteJWKSet, jwtVerify } from "jose";

const [port] = process.argv.slice(2);
const base = `http://127.0.0.1:${port}`;
const keys = createRemoteJWKSet(new URL(`${base}/.well-known/jwks.json`));

// It logs each request where this server says what it is.
const say = console.log;
console.log = () => {};

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
  ttl: { access: 3600 },
});

// An API that takes its tokens by their signature.
app.get("/me", async (request) => {
  const token = (request.req.header("authorization") ?? "").slice("Bearer ".length);
  return jwtVerify(token, keys, { issuer: base }).then(() => request.json({ sub: "alice" }), () => request.json({}, 401));
});

serve({ fetch: app.fetch, port: Number(port), hostname: "127.0.0.1" }, () => say(JSON.stringify({
  authorize_url: `${base}/authorize`, token_url: `${base}/token`, revoke_url: null, api_url: `${base}/me`,
  client_id: "an-application", client_secret: null, client_auth: "none", scopes: ["read", "write"] })));
