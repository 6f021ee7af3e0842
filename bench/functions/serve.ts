// The same handler under `deno serve`, with the secret in the environment.
export default {
  fetch(): Response {
    return new Response(`${Deno.env.get("GREETING")?.length}\n`);
  },
};
