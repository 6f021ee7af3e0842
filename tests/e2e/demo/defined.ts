// The same in a function made with defineFunction, whose result is sent as JSON.

import { defineFunction } from "@strongroom/functions";

export default defineFunction({
  name: "defined",
  handler: async ({ ctx }) => {
    const value = await ctx.secrets.get("API_KEY");
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(value));
    const hex = Array.from(new Uint8Array(digest).slice(0, 6), (byte) => byte.toString(16).padStart(2, "0")).join("");
    return { fingerprint: hex };
  },
});
