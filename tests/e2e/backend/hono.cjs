// A Hono backend as people write them. With PORT it opens its own port, otherwise it is handed an open socket.
const { createAdaptorServer } = require("@hono/node-server");
const { Hono } = require("hono");

const key = process.env.ROTATED;
if (!key) throw new Error("ROTATED is not set");

const app = new Hono();
app.get("/", async (context) => {
  await new Promise((done) => setTimeout(done, 5));
  return context.text(key.split(".")[0]);
});

const server = createAdaptorServer({ fetch: app.fetch });
server.listen(process.env.PORT ? { port: Number(process.env.PORT), host: "127.0.0.1" } : { fd: 0 });
process.on("SIGTERM", () => server.close(() => process.exit(0)));
