// A real OpenID provider for the tests. It prints its address, reads one line of JSON from stdin (where browsers may be
// sent back to, who has accounts), and answers then. A person signs in with a name and no password: that is not what is tried.
const { createServer } = require("node:http");
const { createInterface } = require("node:readline");
const { default: Provider } = require("oidc-provider");

let answer;
const ready = new Promise((resolve) => {
  createInterface({ input: process.stdin }).once("line", (line) => resolve(begin(JSON.parse(line))));
});

function begin({ issuer, redirect, secret, accounts, claimsInToken }) {
  const provider = new Provider(issuer, {
    clients: [{
      client_id: "strongroom",
      redirect_uris: [redirect],
      grant_types: ["authorization_code"],
      response_types: ["code"],
      ...(secret ? { client_secret: secret } : { token_endpoint_auth_method: "none" }),
    }],
    claims: { openid: ["sub"], email: ["email", "email_verified"] },
    conformIdTokenClaims: !claimsInToken,
    cookies: { keys: ["only for tests"] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, interaction) => `/login/${interaction.uid}` },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...accounts[id] }) }),
    // nobody is asked whether this client may know the address
    async loadExistingGrant(ctx) {
      const grant = new ctx.oidc.provider.Grant({
        clientId: ctx.oidc.client.clientId,
        accountId: ctx.oidc.session.accountId,
      });
      grant.addOIDCScope("openid email");
      await grant.save();
      return grant;
    },
    pkce: { required: () => true },
  });
  const others = provider.callback();
  answer = async (request, response) => {
    if (!request.url.startsWith("/login/")) return others(request, response);
    if (request.method === "GET") {
      response.setHeader("content-type", "text/html; charset=utf-8");
      return response.end(page);
    }
    const accountId = new URLSearchParams(Buffer.concat(await Array.fromAsync(request)).toString()).get("account");
    return provider.interactionFinished(request, response, { login: { accountId } }, { mergeWithLastSubmission: false });
  };
}

const page = `<!doctype html><html lang="en"><title>Example Login</title><h1>Example Login</h1>
  <form method="post"><label>Account <input name="account" autofocus></label><button>Sign in there</button></form></html>`;

const server = createServer(async (request, response) => {
  await ready;
  answer(request, response);
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
