// A background handler. Start a run: strongroom jobs run greet-all --payload '{"names": ["Ada", "Grace"]}'

import { type JobContext, secrets } from "@strongroom/functions";

export default async function handler(payload: { names?: string[] } | null, ctx: JobContext) {
  const names = payload?.names ?? ["world"];
  for (const [index, name] of names.entries()) {
    console.log(`${secrets.get("GREETING") ?? "Hello"}, ${name}!`);
    await ctx.progress(Math.round((100 * (index + 1)) / names.length), name);
  }
  return { greeted: names.length };
}
