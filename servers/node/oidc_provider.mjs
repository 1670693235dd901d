// oidc-provider with a confidential client: node oidc_provider.mjs PORT REDIRECT_URI [rotating]
import { createServer } from "node:http";
import Provider from "oidc-provider";

const [port, redirectUri, ...more] = process.argv.slice(2);
const base = `http://127.0.0.1:${port}`;
const [id, secret] = ["an-application", "of-this-run-only"];
const provider = new Provider(base, {
  clients: [{ client_id: id, client_secret: secret, redirect_uris: [redirectUri],
    grant_types: ["authorization_code", "refresh_token"], token_endpoint_auth_method: "client_secret_basic" }],
  scopes: ["openid", "offline_access", "read", "write"],
  features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
  findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  ...(more.includes("rotating") ? { rotateRefreshToken: true } : {}),
});

// Everybody is signed in as alice, and says yes.
async function interact(req, res) {
  const { prompt, params, grantId } = await provider.interactionDetails(req, res);
  if (prompt.name === "login") {
    return provider.interactionFinished(req, res, { login: { accountId: "alice" } });
  }
  const grant = grantId ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: "alice", clientId: params.client_id });
  grant.addOIDCScope((prompt.details.missingOIDCScope ?? []).join(" "));
  const consent = { grantId: await grant.save() };
  return provider.interactionFinished(req, res, { consent }, { mergeWithLastSubmission: true });
}

const callback = provider.callback();
createServer((req, res) => (req.url.startsWith("/interaction/") ? interact(req, res) : callback(req, res)))
  .listen(Number(port), "127.0.0.1", () => console.log(JSON.stringify({
    authorize_url: `${base}/auth`, token_url: `${base}/token`, revoke_url: `${base}/token/revocation`,
    api_url: `${base}/me`, client_id: id, client_secret: secret, openid: true, issuer: base,
    scopes: ["openid", "offline_access", "read", "write"] })));
