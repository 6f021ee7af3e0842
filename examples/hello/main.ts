// Reads a secret through the helper: a new value is seen by the next request, with no restart.

import { secrets } from "@strongroom/functions";

export default function handler(req: Request): Response {
  const name = new URL(req.url).searchParams.get("name") ?? "world";
  const greeting = secrets.get("GREETING") ?? "Hello";
  return new Response(`${greeting}, ${name}!\n`);
}
