// An HTTP handler. Deploy it, then call it: strongroom functions invoke hello --path "?name=Ada"

import { secrets } from "@strongroom/functions";

export default function handler(req: Request): Response {
  const name = new URL(req.url).searchParams.get("name") ?? "world";
  return new Response(`${secrets.get("GREETING") ?? "Hello"}, ${name}!\n`);
}
