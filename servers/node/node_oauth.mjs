// @node-oauth/oauth2-server with its model in memory: node node_oauth.mjs PORT REDIRECT_URI
import { createServer } from "node:http";
import OAuth2Server from "@node-oauth/oauth2-server";

const [port, redirectUri] = process.argv.slice(2);
const base = `http://127.0.0.1:${port}`;
const client = { id: "an-application", grants: ["authorization_code", "refresh_token"], redirectUris: [redirectUri] };
const secret = "of-this-run-only";
const user = { id: "alice" };
const [codes, access, refresh] = [new Map(), new Map(), new Map()];
const model = {
  getClient: async (id, given) => (id === client.id && (given === null || given === secret) ? client : null),
  saveAuthorizationCode: async (code) => {
    codes.set(code.authorizationCode, { ...code, client, user });
    return { ...code, client, user };
  },
  getAuthorizationCode: async (code) => codes.get(code),
  revokeAuthorizationCode: async ({ authorizationCode }) => codes.delete(authorizationCode),
  saveToken: async (token) => {
    const saved = { ...token, client, user };
    access.set(token.accessToken, saved);
    refresh.set(token.refreshToken, saved);
    return saved;
  },
  getAccessToken: async (token) => access.get(token),
  getRefreshToken: async (token) => refresh.get(token),
  revokeToken: async ({ refreshToken }) => refresh.delete(refreshToken),
  validateScope: async (_, __, scope) => scope ?? ["read"],
};
const server = new OAuth2Server({ model });

// Everybody is signed in as alice, and says yes.
const options = { authenticateHandler: { handle: async () => user } };
const answers = {
  "/authorize": (request, response) => server.authorize(request, response, options),
  "/token": (request, response) => server.token(request, response),
  "/me": (request, response) => server.authenticate(request, response)
    .then(() => { response.body = { sub: user.id }; }),
  "/withdraw": async () => { access.clear(); refresh.clear(); },
};

createServer(async (req, res) => {
  const url = new URL(req.url, base);
  let text = "";
  for await (const chunk of req) text += chunk;
  const request = new OAuth2Server.Request({ method: req.method, headers: req.headers,
    query: Object.fromEntries(url.searchParams), body: Object.fromEntries(new URLSearchParams(text)) });
  const response = new OAuth2Server.Response();
  try {
    await answers[url.pathname](request, response);
  } catch (error) {
    if (response.status < 300) response.status = error.code;
    if (response.status !== 302) response.body = { error: error.name, error_description: error.message };
  }
  res.writeHead(response.status, { "content-type": "application/json", ...response.headers });
  res.end(JSON.stringify(response.body));
}).listen(Number(port), "127.0.0.1", () => console.log(JSON.stringify({
  authorize_url: `${base}/authorize`, token_url: `${base}/token`, withdraw_url: `${base}/withdraw`, api_url: `${base}/me`,
  client_id: client.id, client_secret: secret, scopes: ["read", "write"] })));
