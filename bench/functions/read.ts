// The function that is measured: reads one secret, answers with its length.
declare const secrets: { get(name: string): string | undefined };

export default function handler(): Response {
  return new Response(`${secrets.get("GREETING")?.length}\n`);
}
