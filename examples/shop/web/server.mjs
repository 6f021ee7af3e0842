// The shop's pages: strongroom run --app web --watch -- node web/server.mjs

import { createHmac } from "node:crypto";
import { createServer } from "node:http";

const key = process.env.SESSION_KEY;
if (!key) throw new Error("SESSION_KEY is not set; start this with strongroom run --app web");

const server = createServer((_request, response) => {
  const cart = crypto.randomUUID();
  const seal = createHmac("sha256", key).update(cart).digest("base64url");
  response.setHeader("set-cookie", `cart=${cart}.${seal}; HttpOnly; SameSite=Lax`);
  response.end("Welcome to the shop\n");
});
// told to end, for a new key or for good: what is under way is answered first
process.on("SIGTERM", () => server.close());
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(`the shop is open on http://127.0.0.1:${server.address().port}`);
});
