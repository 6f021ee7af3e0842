// Reads one secret in every documented way and tells the fingerprint of what it saw, never the value.

import process from "node:process";

declare const secrets: { get(name: string): string | undefined; getRequired(name: string): string };
interface Ctx {
  secrets: { get(name: string, fallback?: string): Promise<string> };
}

async function fingerprint(value: string | undefined): Promise<string> {
  if (value === undefined) return "nothing";
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(value));
  return Array.from(new Uint8Array(digest).slice(0, 6), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export default async function handler(_req: Request, ctx: Ctx): Promise<Response> {
  const ways: Record<string, string | undefined> = {
    'Deno.env.get("API_KEY")': Deno.env.get("API_KEY"),
    'Deno.env.get("STRONGROOM_SECRET_API_KEY")': Deno.env.get("STRONGROOM_SECRET_API_KEY"),
    "process.env.API_KEY": process.env.API_KEY,
    'secrets.get("API_KEY")': secrets.get("API_KEY"),
    'secrets.getRequired("API_KEY")': secrets.getRequired("API_KEY"),
    'await ctx.secrets.get("API_KEY")': await ctx.secrets.get("API_KEY"),
  };
  const lines = Object.entries(ways).map(async ([way, value]) => `${await fingerprint(value)}  ${way}\n`);
  return new Response((await Promise.all(lines)).join(""));
}
