// oauth2-mock-server as its guide starts it: node mock_server.mjs PORT
import { createRemoteJWKSet, jwtVerify } from "jose";
import { OAuth2Server } from "oauth2-mock-server";

const [port] = process.argv.slice(2);
const base = `http://127.0.0.1:${port}`;
const server = new OAuth2Server();
await server.issuer.keys.generate("RS256");
const keys = createRemoteJWKSet(new URL(`${base}/jwks`));

// An API that takes its tokens as the guide has it: by their signature.
server.service.addRoute("GET", "/me", async (req, res) => {
  const token = (req.headers.authorization ?? "").slice("Bearer ".length);
  res.statusCode = await jwtVerify(token, keys, { issuer: server.issuer.url }).then(() => 200, () => 401);
  res.end();
});

await server.start(Number(port), "127.0.0.1");
console.log(JSON.stringify({
  authorize_url: `${base}/authorize`, token_url: `${base}/token`, revoke_url: `${base}/revoke`, api_url: `${base}/me`,
  client_id: "an-application", client_secret: "of-this-run-only", issuer: server.issuer.url, openid: true,
  checks_secret: false, revokes: false, seconds_alike: 1, scopes: ["openid", "read", "write"] }));
