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
    features: { devInteractions: { enabled: true } },
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
  answer = provider.callback();
}

const server = createServer(async (request, response) => {
  await ready;
  answer(request, response);
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
