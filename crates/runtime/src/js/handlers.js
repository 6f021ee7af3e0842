// The handler shapes, each turned into one function `(request, invocation, ctx) => Response`.

import { captured, lastShape } from "./platform.js";
import { bindings, contextSecrets } from "./secrets.js";
import { userSecrets } from "./user.js";

const marker = Symbol.for("strongroom.function");
const json = Response.json;
/** What the loaded module offers: `{shape, call}`. Throws when it offers nothing that can be called. */
export function handlerOf(module, kind, plain) {
  const offered = module.default;
  if (kind === "job") return jobHandlerOf(offered);
  if (typeof offered === "function") {
    return { shape: "default", call: async (req, _inv, ctx) => answer(await offered(req, ctx)) };
  }
  if (typeof offered?.handler === "function" && (offered[marker] === true || typeof offered.fetch !== "function")) {
    const call = async (req, _inv, ctx) => {
      const input = await inputOf(req);
      return answer(await offered.handler({ input, ctx, request: req }));
    };
    return { shape: "define", call };
  }
  if (typeof offered?.fetch === "function") {
    const call = async (req, inv, ctx) => answer(await offered.fetch(req, bindings(inv.snapshot, plain), ctx));
    return { shape: "fetch", call };
  }
  const server = captured(answer);
  if (server !== undefined) return server;
  throw new Error(
    `no handler found: export a default function, export default defineFunction({…}), export default { fetch }, or ${lastShape}`,
  );
}

// `call` of a job takes the payload and gives what the handler gives.
function jobHandlerOf(offered) {
  if (typeof offered === "function") {
    return { shape: "job", call: (payload, _inv, ctx) => offered(payload, ctx) };
  }
  if (typeof offered?.handler === "function") {
    return { shape: "job", call: (payload, _inv, ctx) => offered.handler({ input: payload, payload, ctx }) };
  }
  throw new Error(
    "no handler found: a job exports default a function (payload, ctx) => …, or an object with such a handler",
  );
}

/** The `ctx` of one invocation. */
export class Context {
  #inv;
  constructor(inv, request, env) {
    this.#inv = inv;
    this.request = request;
    this.env = env;
    this.secrets = contextSecrets;
    this.userSecrets = userSecrets;
  }
  get executionId() {
    return this.#inv.id;
  }
  get user() {
    return this.#inv.user?.who ?? null;
  }
  waitUntil(promise) {
    Promise.resolve(promise).catch((error) => console.error(error));
  }
  passThroughOnException() {}
}

/** The caller sent a body that is not what its content type says. */
export class BadInput extends Error {}

async function inputOf(req) {
  if (req.method === "GET" || req.method === "HEAD") return fromPairs(new URL(req.url).searchParams);
  const text = await req.text();
  if (text === "") return {};
  const type = req.headers.get("content-type") ?? "";
  if (type.startsWith("application/x-www-form-urlencoded")) return fromPairs(new URLSearchParams(text));
  try {
    return JSON.parse(text);
  } catch {
    throw new BadInput("the request body is not valid JSON");
  }
}

function fromPairs(pairs) {
  const input = Object.create(null);
  for (const [name, value] of pairs) {
    if (!(name in input)) input[name] = value;
    else if (Array.isArray(input[name])) input[name].push(value);
    else input[name] = [input[name], value];
  }
  return input;
}

function answer(result) {
  if (result instanceof Response) return result;
  if (result === undefined) return new Response(null, { status: 204 });
  return json(result);
}
