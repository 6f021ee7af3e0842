// The same handler without a server around it, on the Unix socket that is the argument.
const values = new Map([["GREETING", "a value of no importance"]]);

Deno.serve({ path: Deno.args[0] }, () => new Response(`${values.get("GREETING")?.length}\n`));
