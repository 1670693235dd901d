#!/usr/bin/env bash
# Auth.js (@auth/core): which tokens its table of accounts holds after a user has signed in twice.
#
# An application keeps users' accounts through a database adapter, as its guide shows, and takes the provider's tokens from
# there. Alice signs in, and some days later signs in again; each time the provider gives new tokens.
#
# A good guess: the row has the tokens of the last sign-in, as django-allauth keeps them.
# What happens: it has those of the first one. At a later sign-in Auth.js looks the account up and makes a session; the new
# tokens go to the callbacks, and no method of the adapter is called with them. Nor does it refresh what it has kept.
#
# For users of extauth: what is imported from that table is as old as each user's first sign-in. Access tokens have expired,
# and at providers that end a grant when another one is made, or a refresh token that was not used for long, refresh tokens
# are dead. Look at how many links can be refreshed after the import, and let the others connect again; or write each
# sign-in's `account` to the row in the signIn callback for some weeks before you move.
set -euo pipefail
{ command -v node && command -v npm; } > /dev/null || { echo "this needs Node.js 20 or later with npm on the PATH" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --no-audit --no-fund --loglevel=error --prefix "$folder" @auth/core@0.41.3 > /dev/null
cat > signing_in.mjs <<'JS'
import fs from "node:fs";
import http from "node:http";
import { Auth } from "@auth/core";

const APP = "http://app.example";
let given = 0;
const provider = http.createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://provider.example");
  response.setHeader("content-type", "application/json");
  if (pathname === "/token") {
    given += 1;
    const tokens = { access_token: `at-${given}`, refresh_token: `rt-${given}`, token_type: "bearer", expires_in: 3600 };
    response.end(JSON.stringify(tokens));
  } else {
    response.end(JSON.stringify({ id: "4711", name: "Alice", email: "alice@example.com" }));
  }
});
await new Promise((listening) => provider.listen(0, "127.0.0.1", listening));
const issuer = `http://127.0.0.1:${provider.address().port}`;

/** An adapter with every method that its port has for users, accounts and sessions, and each call noted. */
const users = new Map(), accounts = [], sessions = new Map(), calls = [];
const kept = {
  createUser: async (user) => (users.set("u1", { ...user, id: "u1" }), users.get("u1")),
  getUser: async (id) => users.get(id) ?? null,
  getUserByEmail: async (email) => [...users.values()].find((user) => user.email === email) ?? null,
  getUserByAccount: async (asked) =>
    users.get(accounts.find((account) => account.providerAccountId === asked.providerAccountId)?.userId) ?? null,
  getAccount: async () => accounts[0] ?? null,
  updateUser: async (user) => user,
  deleteUser: async () => null,
  linkAccount: async (account) => (accounts.push(account), account),
  unlinkAccount: async () => null,
  createSession: async (session) => (sessions.set(session.sessionToken, session), session),
  getSessionAndUser: async () => null,
  updateSession: async (session) => session,
  deleteSession: async () => null,
};
const adapter = new Proxy(kept, {
  get: (methods, name) => methods[name] && ((...given) => (calls.push(name), methods[name](...given))),
});
const config = {
  secret: "0".repeat(40),
  trustHost: true,
  basePath: "/auth",
  adapter,
  providers: [
    {
      id: "books",
      name: "Books",
      type: "oauth",
      clientId: "client",
      clientSecret: "secret",
      issuer,
      authorization: `${issuer}/authorize`,
      token: `${issuer}/token`,
      userinfo: `${issuer}/userinfo`,
      checks: ["state"],
      profile: (profile) => profile,
    },
  ],
};

/** Sign in, in a browser that has no cookies yet. */
async function signIn() {
  const cookies = new Map();
  async function visit(path, init = {}) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await Auth(new Request(APP + path, { ...init, headers: { ...init.headers, cookie } }), config);
    for (const line of response.headers.getSetCookie()) {
      const [pair] = line.split(";");
      cookies.set(pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1));
    }
    return response;
  }
  const { csrfToken } = await (await visit("/auth/csrf")).json();
  const there = await visit("/auth/signin/books", {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ csrfToken, callbackUrl: APP }),
  });
  const state = new URL(there.headers.get("location")).searchParams.get("state");
  const back = await visit(`/auth/callback/books?code=code&state=${encodeURIComponent(state)}`);
  return back.headers.get("location");
}

const { version } = JSON.parse(fs.readFileSync("node_modules/@auth/core/package.json"));
console.log(`@auth/core ${version}`);
for (const time of ["first", "second"]) {
  calls.length = 0;
  const came = await signIn();
  const [{ access_token, refresh_token }] = accounts;
  console.log(`${time} sign-in, to ${came}: the provider gave at-${given} and rt-${given}`);
  console.log(`  the adapter was asked for ${calls.join(", ")}`);
  console.log(`  the row has ${access_token} and ${refresh_token}`);
}
provider.close();
const asFound = given === 2 && accounts.length === 1 && accounts[0].refresh_token === "rt-1";
console.log(asFound ? "as found: the tokens are those of the first sign-in" : "NOT as found");
process.exit(asFound ? 0 : 1);
JS
node signing_in.mjs
