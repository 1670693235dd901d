#!/usr/bin/env bash
# @node-oauth/oauth2-server with rotating refresh tokens: a client asks for one scope too many when it refreshes.
#
# The grant is for "read". The refresh asks for "read write", which RFC 6749 (section 6) forbids, and so the server refuses.
#
# A good guess: 400 invalid_scope, nothing has happened, and the client refreshes again without `scope`.
# What happens: 400 invalid_scope, and the refresh token is spent: the server revokes it before it looks at the scopes. The
# second request is told invalid_grant. A refusal that is about the request has ended the grant.
#
# For users of extauth: it names no scopes when it refreshes, unless a preset says that the provider wants them. If you add
# `scope` to a provider's refresh parameters, or the application asks for more than it was granted after a deploy, one refusal
# can cost the link. Ask for more scopes by connecting again; the old link works meanwhile.
set -euo pipefail
{ command -v node && command -v npm; } > /dev/null || { echo "this needs Node.js 20 or later with npm on the PATH" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --no-audit --no-fund --loglevel=error --prefix "$folder" @node-oauth/oauth2-server@5.3.0 > /dev/null
cat > server.mjs <<'JS'
import fs from "node:fs";
import OAuth2Server from "@node-oauth/oauth2-server";

const tokens = new Map();
const calls = [];
// The storage, which the server leaves to the application.
const model = {
  getClient: async (id) => ({ id, grants: ["password", "refresh_token"] }),
  getUser: async () => ({ id: "alice" }),
  getAccessToken: async () => undefined,
  validateScope: async (_user, _client, scope) => scope,
  getRefreshToken: async (token) => tokens.get(token),
  saveToken: async (token, client, user) => {
    calls.push("save");
    const saved = { ...token, client, user };
    tokens.set(token.refreshToken, saved);
    return saved;
  },
  revokeToken: async (token) => {
    calls.push("revoke");
    return tokens.delete(token.refreshToken);
  },
};
const server = new OAuth2Server({ model });

async function ask(form) {
  calls.length = 0;
  const headers = { "content-type": "application/x-www-form-urlencoded", "content-length": "1" };
  const body = { client_id: "c", client_secret: "s", ...form };
  const response = new OAuth2Server.Response({});
  await server.token(new OAuth2Server.Request({ method: "POST", headers, query: {}, body }), response).catch(() => {});
  return response;
}

const granted = await ask({ grant_type: "password", username: "alice", password: "any", scope: "read" });
const refresh = { grant_type: "refresh_token", refresh_token: granted.body.refresh_token };
const wider = await ask({ ...refresh, scope: "read write" });
const happened = [...calls];
const plain = await ask(refresh);
const version = JSON.parse(fs.readFileSync("node_modules/@node-oauth/oauth2-server/package.json")).version;
console.log("@node-oauth/oauth2-server", version, "Node", process.version);
console.log("refresh for more scopes:", wider.status, wider.body.error, "| the storage was told to:", ...happened);
console.log("refresh as granted:     ", plain.status, plain.body.error);
const seen = [granted.status, wider.status, wider.body.error, ...happened, plain.status, plain.body.error].join(" ");
process.exit(seen === "200 400 invalid_scope revoke 400 invalid_grant" ? 0 : 1);
JS
timeout 60 node server.mjs
