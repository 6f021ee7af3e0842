// Reads its configuration from the environment once, at start, and refuses to start without it. When a value changes,
// Strongroom starts a new worker and lets it take over.

import process from "node:process";

function requireEnv(key: string): string {
  const value = process.env[key];
  if (!value) throw new Error(`${key} is required`);
  return value;
}

const config = { url: requireEnv("DATABASE_URL"), region: Deno.env.get("STRONGROOM_SECRET_REGION") ?? "local" };

Deno.serve(() => Response.json({ host: new URL(config.url).host, region: config.region }));
