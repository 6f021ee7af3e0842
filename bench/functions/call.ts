// The same work as one program a call: the secret in the environment, the result on stdout.
console.log(JSON.stringify({ length: Deno.env.get("GREETING")?.length }));
