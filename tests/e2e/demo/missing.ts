// Needs a secret that nobody has set, and one that runs out.

declare const secrets: { get(name: string): string | undefined; getRequired(name: string): string };

export default function handler(req: Request): Response {
  if (new URL(req.url).searchParams.has("missing")) secrets.getRequired("NOT_THERE");
  try {
    return new Response(secrets.get("TEMP_TOKEN") === undefined ? "not set\n" : "set\n");
  } catch (error) {
    return new Response(`${(error as Error).name}\n`);
  }
}
