// What the shared modules need of Deno. `node/platform.js` offers the same for Node.

const write = Deno.stdout.writeSync.bind(Deno.stdout);
const serve = Deno.serve;
const env = Deno.env;
const decoder = new TextDecoder();
const parse = JSON.parse;
let served;

/** How an error or value is shown in the log. */
export const inspect = ((show) => (value) => show(value, { colors: false }))(Deno.inspect);

/** Ends this process. */
export const exit = Deno.exit.bind(Deno);

/** What is added to an error at load that stems from the choice of the runtime. */
export const explain = () => "";

/** What is said when a module offers no handler of any other shape. */
export const lastShape = "call Deno.serve(handler)";

/** The variables of this process. */
export const variables = {
  get: env.get.bind(env),
  set: env.set.bind(env),
  has: env.has.bind(env),
  remove: env.delete.bind(env),
  all: env.toObject.bind(env),
};

/** Lets the code see `view` in place of the variables. `process.env` of Node's layer reads through `Deno.env` too. */
export function showEnvironment(view) {
  env.get = (name) => view.get(String(name));
  env.has = (name) => view.has(String(name));
  env.set = (name, value) => view.set(String(name), String(value));
  env.delete = (name) => view.remove(String(name));
  env.toObject = view.all;
}

/** Writes all bytes to stdout. */
export function writeAll(bytes) {
  let sent = 0;
  while (sent < bytes.length) sent += write(bytes.subarray(sent));
}

/** Calls `take(message)` for each JSON line on stdin, in order, and resolves at its end. */
export async function receive(take) {
  const reader = Deno.stdin.readable.getReader();
  // the code has no standard input; what comes there is not for it
  const ended = { read: () => Promise.resolve(null), readSync: () => null };
  for (const name of ["read", "readSync"]) Object.defineProperty(Deno.stdin, name, { value: ended[name] });
  let pending = [];
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    let rest = value;
    for (;;) {
      const end = rest.indexOf(10);
      if (end < 0) break;
      pending.push(rest.subarray(0, end));
      const line = pending.length === 1 ? pending[0] : joined(pending);
      const message = parse(decoder.decode(line));
      for (const part of pending) part.fill(0);
      line.fill(0);
      pending = [];
      rest = rest.subarray(end + 1);
      take(message);
    }
    if (rest.length > 0) pending.push(rest);
  }
}

function joined(parts) {
  let size = 0;
  for (const part of parts) size += part.length;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Answers requests on the worker's socket with `respond(request, info)`. */
export function listen({ socket }, respond, broken, ready) {
  serve({ path: socket, onListen: ready, onError: broken }, respond);
}

/** Replaces `Deno.serve` by one that only remembers the handler. */
export function captureServers() {
  Deno.serve = function (first, second) {
    const handler = [first, second, first?.handler].find((each) => typeof each === "function");
    if (handler === undefined) throw new TypeError("Deno.serve needs a handler");
    served = handler;
    const addr = { transport: "tcp", hostname: "0.0.0.0", port: 8000 };
    if (typeof first?.onListen === "function") first.onListen(addr);
    const finished = new Promise(() => {});
    const nothing = () => {};
    const shutdown = () => Promise.resolve();
    return { addr, finished, shutdown, ref: nothing, unref: nothing, [Symbol.asyncDispose]: shutdown };
  };
}

/** The server that the module started: `{shape, call}`, or undefined. */
export function captured(answer) {
  if (served === undefined) return undefined;
  return { shape: "serve", call: async (req, inv) => answer(await served(req, inv.info)) };
}

/** Calls `line(level, text)` for what the code writes to the console; levels as Deno's own console numbers them. */
export function captureConsole(line) {
  const { Console } = Deno[Deno.internal];
  const levels = ["debug", "info", "warn", "error"];
  const structured = new Console((text, level) => line(levels[level] ?? "info", text));
  for (const name of Object.keys(structured)) console[name] = structured[name];
}

/** Keeps the code from ending the process, and calls `late(error)` for what nobody caught. */
export function guardProcess(late) {
  Deno.exit = () => {
    throw new Error("Deno.exit is not available in a function");
  };
  const stop = (event, error) => {
    event.preventDefault();
    late(error);
  };
  addEventListener("unhandledrejection", (event) => stop(event, event.reason));
  addEventListener("error", (event) => stop(event, event.error));
}
