// Takes a payment: strongroom functions invoke checkout --data '{"amount": 12}'

import { defineFunction } from "@strongroom/functions";

export default defineFunction<{ amount?: number }, { charged: string; live: boolean }>({
  name: "checkout",
  handler: async ({ input, ctx }) => {
    const key = await ctx.secrets.get("PAYMENT_KEY");
    const currency = await ctx.secrets.get("CURRENCY", "EUR");
    console.log(`charging ${input.amount ?? 0} ${currency}`);
    return { charged: `${input.amount ?? 0} ${currency}`, live: key.startsWith("sk_live_") };
  },
});
