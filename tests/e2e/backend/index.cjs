// An Express backend as people write them: its key is validated at the start, and it shuts down gracefully.
const express = require("express");

const key = process.env.ROTATED;
if (!key) throw new Error("ROTATED is not set");

const app = express();
app.get("/", (_request, response) => setTimeout(() => response.send(key.split(".")[0]), 5));

// whoever starts it hands over an open socket as standard input
const server = app.listen({ fd: 0 });
process.on("SIGTERM", () => server.close(() => process.exit(0)));
