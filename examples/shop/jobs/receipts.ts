// Sends receipts: strongroom jobs run receipts --payload '{"orders": ["A1", "A2"]}' --wait

import { type JobContext, secrets } from "@strongroom/functions";

export default async function handler(payload: { orders?: string[] } | null, ctx: JobContext) {
  const key = secrets.getRequired("MAIL_KEY");
  const orders = payload?.orders ?? [];
  for (const [index, order] of orders.entries()) {
    // a run may happen again: a real mailer is told this id, so that nobody gets the receipt twice
    console.log(`receipt for ${order}, as ${ctx.job.id}/${order}, with a key of ${key.length} letters`);
    await ctx.progress(Math.round((100 * (index + 1)) / orders.length), order);
  }
  return { sent: orders.length };
}
