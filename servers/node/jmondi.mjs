// @jmondi/oauth2-server with its repositories in memory: node jmondi.mjs PORT REDIRECT_URI
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { AuthorizationServer, JwtService, OAuthException, OAuthRequest } from "@jmondi/oauth2-server";

const [port, redirectUri] = process.argv.slice(2);
const base = `http://127.0.0.1:${port}`;
const random = () => randomBytes(16).toString("hex");
const scopes = [{ name: "read" }, { name: "write" }];
const client = { id: "an-application", name: "An application", secret: "of-this-run-only", redirectUris: [redirectUri],
  allowedGrants: ["authorization_code", "refresh_token"], scopes };
const user = { id: "alice" };
const [codes, tokens] = [new Map(), new Map()];
const soon = () => new Date(Date.now() + 3600_000);
const never = new Date(0);
const key = random();

const server = new AuthorizationServer(
  {
    getByIdentifier: async () => client,
    isClientValid: async (_, __, secret) => secret === client.secret,
  },
  {
    issueToken: async (client, scopes, user) => ({ accessToken: random(), accessTokenExpiresAt: soon(), client, scopes, user }),
    issueRefreshToken: async (token) => Object.assign(token, { refreshToken: random(), refreshTokenExpiresAt: soon() }),
    persist: async (token) => tokens.set(token.accessToken, token),
    revoke: async (token) => { token.accessTokenExpiresAt = token.refreshTokenExpiresAt = never; },
    isRefreshTokenRevoked: async (token) => Date.now() > token.refreshTokenExpiresAt,
    getByRefreshToken: async (text) => [...tokens.values()].find((token) => token.refreshToken === text),
    getByAccessToken: async (text) => tokens.get(text),
  },
  {
    getAllByIdentifiers: async (names) => scopes.filter(({ name }) => names.includes(name)),
    finalize: async (scopes) => scopes,
  },
  key,
  { requiresPKCE: false, useOpaqueAuthorizationCodes: true },
);
server.enableGrantTypes({
  grant: "authorization_code",
  userRepository: { getUserByCredentials: async () => user },
  authCodeRepository: {
    getByIdentifier: async (code) => codes.get(code),
    issueAuthCode: (client, user, scopes) => ({ code: random(), redirectUri, expiresAt: soon(), client, user, scopes }),
    persist: async (code) => codes.set(code.code, code),
    isRevoked: async (code) => Date.now() > codes.get(code).expiresAt,
    revoke: async (code) => { codes.get(code).expiresAt = never; },
  },
}, "refresh_token");

// Everybody is signed in as alice, and says yes.
const answers = {
  "/authorize": async (request) => {
    const asked = await server.validateAuthorizationRequest(request);
    return server.completeAuthorizationRequest(Object.assign(asked, { user, isAuthorizationApproved: true }));
  },
  "/token": (request) => server.respondToAccessTokenRequest(request),
  "/token/revoke": (request) => server.revoke(request),
  "/me": async ({ headers }) => {
    const said = await new JwtService(key).verify((headers.authorization ?? "").slice("Bearer ".length));
    const token = tokens.get(said.jti);
    return { status: Date.now() < token.accessTokenExpiresAt ? 200 : 401, headers: {}, body: { sub: user.id } };
  },
};

createServer(async (req, res) => {
  const url = new URL(req.url, base);
  let text = "";
  for await (const chunk of req) text += chunk;
  const request = new OAuthRequest({ headers: req.headers, query: Object.fromEntries(url.searchParams),
    body: Object.fromEntries(new URLSearchParams(text)) });
  let answer;
  try {
    answer = await answers[url.pathname](request);
  } catch (error) {
    const known = error instanceof OAuthException;
    answer = { status: known ? error.status : 500, headers: {},
      body: known ? { error: error.errorType, error_description: error.errorDescription } : { error: String(error) } };
  }
  res.writeHead(answer.status, { ...answer.headers, "content-type": "application/json" });
  res.end(JSON.stringify(answer.body ?? {}));
}).listen(Number(port), "127.0.0.1", () => console.log(JSON.stringify({
  authorize_url: `${base}/authorize`, token_url: `${base}/token`, revoke_url: `${base}/token/revoke`,
  api_url: `${base}/me`, client_id: client.id, client_secret: client.secret, scopes: ["read", "write"] })));
