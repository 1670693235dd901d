// One worker that is the authorization server and its only resource, an MCP server by its challenges.
import { env } from "cloudflare:workers";
import { OAuthProvider, insufficientScope } from "@cloudflare/workers-oauth-provider";

const base = env.BASE;
const api = {
  fetch(request, env, { auth, props }) {
    const wanted = request.method === "GET" ? ["read"] : ["read", "write"];
    if (!wanted.every((scope) => auth.scope.includes(scope))) return insufficientScope(auth, wanted);
    return Response.json({ sub: props.sub });
  },
};
const pages = {
  // Everybody is signed in as alice, and says yes.
  async fetch(request, { OAUTH_PROVIDER: server }) {
    if (new URL(request.url).pathname !== "/authorize") return new Response(null, { status: 404 });
    const asked = await server.parseAuthRequest(request);
    const consent = { request: asked, userId: "alice", metadata: {}, scope: asked.scope, props: { sub: "alice" } };
    return Response.redirect((await server.completeAuthorization(consent)).redirectTo, 302);
  },
};
export default new OAuthProvider({
  apiRoute: "/mcp", apiHandler: api, defaultHandler: pages,
  authorizeEndpoint: "/authorize", tokenEndpoint: "/oauth/token", clientRegistrationEndpoint: "/oauth/register",
  scopesSupported: ["read", "write", "offline_access"], requiredScopes: ["read"],
  resourceMetadata: { resource: `${base}/mcp`, authorization_servers: [base] },
  clientIdMetadataDocumentEnabled: true, onError: () => undefined,
});
