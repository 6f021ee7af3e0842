// What the shared modules need of Node. `deno/platform.js` offers the same for Deno.

import fs from "node:fs";
import http from "node:http";
import net from "node:net";
import process from "node:process";
import { AsyncLocalStorage } from "node:async_hooks";
import { Console } from "node:console";
import { syncBuiltinESMExports } from "node:module";
import { Readable } from "node:stream";
import { inspect as show } from "node:util";
import { answered, connectThrough } from "./connect.js";
import { requestOf, respondWith } from "./http.js";

const writeSync = fs.writeSync;
const createServer = http.createServer;
const listenOn = net.Server.prototype.listen;
const isOurs = new WeakSet();
const halt = process.exit.bind(process);
const nap = new Int32Array(new SharedArrayBuffer(4));
const { wait } = Atomics;
const store = new Map();
let captive;
let handleOf;

/** How an error or value is shown in the log. */
export const inspect = (value) => show(value, { colors: false });

/** Ends this process. */
export const exit = halt;

/** What is added to an error at load that stems from the choice of the runtime. */
export const explain = (error) =>
  error?.message === "Deno is not defined" ? '\n(it has "runtime": "node", where there is no Deno)' : "";

/** What is said when a module offers no handler of any other shape. */
export const lastShape = "start an http server with listen()";

/** The variables that the code sees. They stand in no environment of the operating system's. */
export const variables = {
  get: (name) => store.get(name),
  set: (name, value) => {
    store.set(name, value);
    if (name === "TZ") timeZone(value);
  },
  has: (name) => store.has(name),
  remove: (name) => store.delete(name),
  all: () => Object.assign(Object.create(null), Object.fromEntries(store)),
};

const own = process.env;
const timeZone = (value) => own.TZ = value;

/** Lets the code see `view` as `process.env`. */
export function showEnvironment(view) {
  for (const name of Object.keys(own)) delete own[name];
  const described = (value) => ({ value, writable: true, enumerable: true, configurable: true });
  process.env = new Proxy({}, {
    get(target, name) {
      const value = typeof name === "string" ? view.get(name) : undefined;
      return value === undefined ? Reflect.get(target, name) : value;
    },
    has: (target, name) => (typeof name === "string" && view.has(name)) || Reflect.has(target, name),
    set(_target, name, value) {
      view.set(String(name), String(value));
      return true;
    },
    deleteProperty(_target, name) {
      if (typeof name === "string") view.remove(name);
      return true;
    },
    defineProperty(_target, name, { value }) {
      view.set(String(name), String(value));
      return true;
    },
    ownKeys: () => Object.keys(view.all(true)),
    getOwnPropertyDescriptor(_target, name) {
      const value = typeof name === "string" ? view.get(name) : undefined;
      return value === undefined ? undefined : described(value);
    },
  });
}

/** Writes all bytes to stdout, waiting while the pipe is full. */
export function writeAll(bytes) {
  let sent = 0;
  while (sent < bytes.length) {
    try {
      sent += writeSync(1, bytes, sent);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
      wait(nap, 0, 0, 1);
    }
  }
}

/** Calls `take(message)` for each message on the channel, in order, and resolves at its end. */
export function receive(take) {
  const emit = process.emit;
  process.emit = function (name, message, handle) {
    if (name !== "message") return Reflect.apply(emit, this, arguments);
    if (message.t === "opened") answered(message, handle);
    else {
      if (message.t === "hello") handleOf = handle;
      take(message);
    }
    return true;
  };
  // a listener is what makes Node read the channel
  process.on("message", () => {});
  const ended = new Promise((end) => process.once("disconnect", end));
  for (const name of ["send", "disconnect"]) {
    Object.defineProperty(process, name, { value: undefined, configurable: true });
  }
  Object.defineProperty(process, "stdin", { value: Readable.from([]), configurable: true });
  return ended;
}

/** Answers requests on the socket that came with the greeting with `respond(request, info)`. */
export function listen(_hello, respond, broken, ready) {
  const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 }, (req, res) => {
    answer(req, res, respond).catch((error) => respondWith(broken(error), req, res).catch(() => res.destroy()));
  });
  server.timeout = 0;
  isOurs.add(server);
  server.on("checkContinue", (req, res) => {
    res.writeContinue();
    server.emit("request", req, res);
  });
  listenOn.call(server, handleOf, ready);
}

async function answer(req, res, respond) {
  const response = await respond(requestOf(req, res), { completed: undefined });
  if (response !== undefined) await respondWith(response, req, res);
}

/** Lets servers that the code starts get their requests from this worker's socket; sends connections the allowed way. */
export function captureServers() {
  net.Server.prototype.listen = function (...args) {
    if (isOurs.has(this) || !(this instanceof http.Server)) return listenOn.apply(this, args);
    captive = this;
    const port = args.map((each) => Number(each?.port ?? each)).find((each) => each > 0) ?? 8000;
    const listening = args.find((each) => typeof each === "function");
    if (listening !== undefined) this.once("listening", listening);
    this.address = () => ({ address: "0.0.0.0", family: "IPv4", port });
    Object.defineProperty(this, "listening", { value: true, configurable: true });
    process.nextTick(() => this.emit("listening"));
    return this;
  };
  connectThrough();
  syncBuiltinESMExports();
}

/** The server that the module started: `{shape, call}`, or undefined. */
export function captured() {
  if (captive === undefined) return undefined;
  return { shape: "listen", call: serve };
}

// Node emits a request's later events outside of what the handler runs in: they are brought back into it.
function serve({ req, res }) {
  const within = AsyncLocalStorage.snapshot();
  for (const each of [req, res]) {
    const { emit } = each;
    each.emit = (...args) => within(() => Reflect.apply(emit, each, args));
  }
  captive.emit("request", req, res);
}

/** Calls `line(level, text)` for what the code writes to the console. */
export function captureConsole(line) {
  const levels = { debug: "debug", warn: "warn", error: "error", trace: "error", assert: "error" };
  let level = "info";
  const sink = { write: (text) => line(level, text), on: () => sink, once: () => sink, removeListener: () => sink };
  const structured = new Console({ stdout: sink, stderr: sink, ignoreErrors: false, colorMode: false });
  for (const [name, method] of Object.entries(console)) {
    if (typeof method !== "function" || typeof structured[name] !== "function") continue;
    console[name] = (...args) => {
      const before = level;
      level = levels[name] ?? "info";
      try {
        return structured[name](...args);
      } finally {
        level = before;
      }
    };
  }
}

/** Keeps the code from ending the process, and calls `late(error)` for what nobody caught. */
export function guardProcess(late) {
  process.exit = () => {
    throw new Error("process.exit is not available in a function");
  };
  process.on("uncaughtException", late);
  process.on("unhandledRejection", late);
}
