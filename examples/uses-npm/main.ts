// A small API on Hono, validated with Zod: both come from npm and are bundled at deploy time.

import { Hono } from "npm:hono@4.10.7";
import { z } from "npm:zod@4.1.13";

const Order = z.object({ item: z.string().min(1), amount: z.number().int().positive() });

const app = new Hono();

app.get("*", (c) => c.json({ ok: true, tier: (c.env as Record<string, string>).TIER ?? "none" }));

app.post("*", async (c) => {
  const order = Order.safeParse(await c.req.json());
  if (!order.success) return c.json({ error: "invalid order" }, 400);
  const key = (c.env as Record<string, string>).SHOP_KEY;
  return c.json({ item: order.data.item, signed: key !== undefined });
});

export default app;
