// oauth2orize on Express, its clients by Passport's strategies, its tokens in memory: node oauth2orize.mjs PORT REDIRECT_URI
import { randomBytes } from "node:crypto";
import express from "express";
import oauth2orize from "oauth2orize";
import passport from "passport";
import { BasicStrategy } from "passport-http";
import { Strategy as BearerStrategy } from "passport-http-bearer";
import { Strategy as ClientPasswordStrategy } from "passport-oauth2-client-password";

const [port, redirectUri] = process.argv.slice(2);
const base = `http://127.0.0.1:${port}`;
const client = { id: "an-application", secret: "of-this-run-only", redirectUri };
const user = { id: "alice" };
const [codes, access, refresh] = [new Map(), new Map(), new Map()];
const random = () => randomBytes(16).toString("hex");

const proven = (id, secret, done) => done(null, id === client.id && secret === client.secret && client);
passport.use(new BasicStrategy(proven));
passport.use(new ClientPasswordStrategy(proven));
passport.use(new BearerStrategy((token, done) => done(null, access.get(token) ?? false)));

const issue = (done) => {
  const [token, next] = [random(), random()];
  access.set(token, user);
  refresh.set(next, user);
  done(null, token, next, { expires_in: 3600 });
};
const server = oauth2orize.createServer();
server.grant(oauth2orize.grant.code((client, redirectUri, user, answer, done) => {
  const code = random();
  codes.set(code, redirectUri);
  done(null, code);
}));
server.exchange(oauth2orize.exchange.code((client, code, redirectUri, done) => {
  const known = codes.get(code) === redirectUri && codes.delete(code);
  known ? issue(done) : done(null, false);
}));
server.exchange(oauth2orize.exchange.refreshToken((client, token, done) => (
  refresh.delete(token) ? issue(done) : done(null, false)
)));

const app = express();
app.use(express.urlencoded());
// Everybody is signed in as alice, and says yes.
app.get("/authorize", (req, res, next) => { req.user = user; next(); },
  server.authorize(
    (id, asked, done) => done(null, id === client.id && asked === redirectUri && client, asked),
    (client, user, done) => done(null, true),
  ),
  server.errorHandler({ mode: "indirect" }));
app.post("/token", passport.authenticate(["basic", "oauth2-client-password"], { session: false }), server.token(),
  server.errorHandler());
app.get("/me", passport.authenticate("bearer", { session: false }), (req, res) => res.json({ sub: req.user.id }));
app.post("/withdraw", (req, res) => {
  access.clear();
  refresh.clear();
  res.end();
});
app.listen(Number(port), "127.0.0.1", () => console.log(JSON.stringify({
  authorize_url: `${base}/authorize`, token_url: `${base}/token`, withdraw_url: `${base}/withdraw`, api_url: `${base}/me`,
  client_id: client.id, client_secret: client.secret, scopes: ["read", "write"] })));
