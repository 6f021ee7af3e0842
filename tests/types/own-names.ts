// What type checks in a project that has OPENAI_API_KEY and STRIPE_KEY, once `strongroom types` has written its names.

import process from "node:process";
import { defineFunction, type SecretName } from "@strongroom/functions";

const key: string | undefined = secrets.get("OPENAI_API_KEY");
const name: SecretName = "STRIPE_KEY";
const value: string = secrets.getRequired(name);
const fromEnvironment: string | undefined = process.env.OPENAI_API_KEY;

// @ts-expect-error a name with a slip
secrets.get("OPENAI_API_KEYS");
// @ts-expect-error a name with a slip
secrets.getRequired("Stripe_Key");
// @ts-expect-error any text is no name
secrets.get("STRIPE" + "_KEY");

export default defineFunction({
  handler: async ({ ctx }) => {
    // @ts-expect-error a name with a slip
    await ctx.secrets.get("STRIPE_KEYS", "fallback");
    return { ok: (await ctx.secrets.get("STRIPE_KEY")) !== "" };
  },
});

export { fromEnvironment, key, value };
