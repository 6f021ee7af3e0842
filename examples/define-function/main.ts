// The declared form: JSON in, JSON out, secrets through the context.

import { defineFunction, SecretNotFoundError } from "@strongroom/functions";

interface Input {
  amount: number;
}

export default defineFunction<Input>({
  name: "convert",
  handler: async ({ input, ctx }) => {
    const rate = Number(await ctx.secrets.get("RATE", "2"));
    try {
      await ctx.secrets.get("API_KEY");
    } catch (error) {
      if (!(error instanceof SecretNotFoundError)) throw error;
      return { converted: input.amount * rate, missing: error.secret };
    }
    return { converted: input.amount * rate, tier: ctx.env.TIER };
  },
});
