// What type checks as long as nobody has written the project's names. A line below `@ts-expect-error` must not.

import {
  type Call,
  type Context,
  defineFunction,
  type FetchHandler,
  type Handler,
  type JobHandler,
  SecretExpiredError,
  SecretNotFoundError,
  secrets as imported,
  SecretWithoutValueError,
} from "@strongroom/functions";

const key: string | undefined = secrets.get("ANY_NAME");
const same: string | undefined = imported.get("ANY_NAME");
const required: string = secrets.getRequired("ANY_NAME");
const shared: string | undefined = secrets.getSystem("openai_key");
const own: string | undefined = secrets.getUser("openai_key");

// @ts-expect-error a secret may be missing
const always: string = secrets.get("ANY_NAME");
// @ts-expect-error a name is a text
secrets.get(42);
// @ts-expect-error secrets are read, not written
secrets.set("ANY_NAME", "value");

interface Order {
  amount: number;
}

export default defineFunction<Order>({
  name: "charge",
  handler: async ({ input, ctx }: Call<Order>) => {
    const stripe: string = await ctx.secrets.get("STRIPE_KEY");
    const region: string = await ctx.secrets.get("REGION", "eu-west-1");
    const tier: string | undefined = ctx.env["TIER"];
    // @ts-expect-error a read inside an invocation is awaited
    const early: string = ctx.secrets.get("STRIPE_KEY");
    // @ts-expect-error a fallback is a text
    await ctx.secrets.get("REGION", 7);
    // @ts-expect-error variables are read only
    ctx.env["TIER"] = "gold";
    // @ts-expect-error an order has no price
    input.price;
    return { ok: input.amount > 0, stripe: stripe.length, region, tier, early };
  },
});

// @ts-expect-error a function has a handler
defineFunction({ name: "empty" });

export const plain: Handler = async (request: Request, ctx: Context) => {
  ctx.waitUntil(Promise.resolve());
  return new Response(`${request.method} ${ctx.executionId}`);
};

export const fetching: FetchHandler = {
  fetch: (request, env) => Response.json({ url: request.url, key: env["ANY_NAME"] !== undefined }),
};

export const nightly: JobHandler<{ day: string }, number> = async ({ day }, ctx) => {
  ctx.progress(50, `${ctx.job.name} for ${day}, attempt ${ctx.job.attempt.toFixed()}`);
  await fetch("https://example.com", { signal: ctx.signal });
  const slot: string | null = ctx.job.scheduledFor;
  // @ts-expect-error a job has no request
  ctx.request;
  // @ts-expect-error how far is not said
  ctx.progress();
  return slot === null ? 0 : (await ctx.secrets.get("ANY_NAME")).length;
};

try {
  secrets.getRequired("ANY_NAME");
} catch (error) {
  if (error instanceof SecretNotFoundError || error instanceof SecretExpiredError) console.error(error.secret.length);
  if (error instanceof SecretWithoutValueError) console.error(error.message);
  // @ts-expect-error nothing is known of another error
  console.error(error.secret);
}

export { always, key, own, required, same, shared };
