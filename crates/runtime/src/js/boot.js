// The first code in every worker. It takes what it needs from the runtime, listens on the worker's own socket, waits
// for an assignment on stdin, loads the function and then answers requests and pushes until stdin ends.

import { captureConsole, captureServers, exit, explain, guardProcess, inspect, listen, receive } from "./platform.js";
import { introduce, send } from "./frames.js";
import { adopt, current, invocation, reached, within } from "./state.js";
import { byName, Snapshot } from "./snapshot.js";
import { loaded } from "./reads.js";
import * as environment from "./environment.js";
import { BadInput, Context, handlerOf } from "./handlers.js";
import * as helpers from "./secrets.js";
import * as jobs from "./jobs.js";
import * as users from "./user.js";

const json = Response.json;
const NativeRequest = Request;
const NativeResponse = Response;
const { defineProperty } = Object;
const label = "x-strongroom-invocation";
// Until there is code, requests are rehearsals: the supervisor sends one, so that the first call finds the way from the
// socket to the answer compiled.
let handler = { shape: "rehearsal", call: async (request) => new NativeResponse(await request.text()) };
let plainEnv = plainObject([]);

environment.clear();
environment.watch();
captureServers();
installGlobals();
installConsole();
receive(take).then(() => exit(0), () => exit(70));

function take(message) {
  if (message.t === "push") push(message);
  else if (message.t === "user") users.announce(message);
  else if (message.t === "kept") users.kept(message);
  else if (message.t === "ping") send({ t: "pong", i: message.i });
  else if (message.t === "assign") assign(message);
  else if (message.t === "abort") jobs.abort(message.id, message.why);
  else if (message.t === "hello") hello(message);
}

function hello({ nonce, socket }) {
  introduce(nonce);
  listen({ socket }, respond, broken, () => send({ t: "booted" }));
}

async function assign(message) {
  try {
    plainEnv = plainObject(message.env);
    environment.plain(message.env);
    const next = new Snapshot(0, byName(message.entries), byName(message.system), message.prefixes);
    environment.show(current(), next);
    adopt(next);
    handler = handlerOf(await import(message.code), message.kind, message.env);
    send({ t: "ready", shape: handler.shape, r: loaded() });
  } catch (error) {
    send({ t: "failed", m: describe(error) + explain(error) });
  }
}

function push(message) {
  const next = current().after(message);
  environment.show(current(), next);
  adopt(next);
}

// One request. Its head carries `STEP EXECUTION CLIENT URL`, and `user` where one was announced, in one internal header.
async function respond(raw, info) {
  const [step, id, client, url, named] = raw.headers.get(label).split(" ", 5);
  if (current().step < Number(step)) await reached(Number(step));
  const user = named === undefined ? undefined : await users.announcedFor(id);
  if (handler.shape === "job") return runJob(await raw.text(), id);
  if (handler.shape === "listen") return pass(raw, id, user);
  const inv = { id, user, snapshot: current(), reads: new Set(), pending: "", headSent: false, info: undefined };
  inv.info = { remoteAddr: { transport: "tcp", hostname: client, port: 0 }, completed: info.completed };
  const request = requestOf(raw, url);
  let response;
  let outcome;
  try {
    response = await within(inv, handler.call, request, inv, new Context(inv, request, plainEnv));
  } catch (error) {
    if (error instanceof BadInput) {
      response = json({ error: error.message, request_id: id }, { status: 400 });
    } else {
      outcome = "error";
      send({ t: "log", x: id, l: "error", m: describe(error) });
      response = json({ error: "internal error", request_id: id }, { status: 500 });
    }
  }
  inv.headSent = true;
  return labelled(response, inv.pending, outcome);
}

function runJob(text, id) {
  return jobs.run(handler, text, id, plainEnv, (error) => send({ t: "log", x: id, l: "error", m: describe(error) }));
}

// A server that the code itself started answers; its head is its own, so reads are told as they happen.
function pass(raw, id, user) {
  const inv = { id, user, snapshot: current(), reads: new Set(), pending: "", headSent: true, info: undefined };
  within(inv, handler.call, raw.node);
}

function requestOf(raw, url) {
  const init = { method: raw.method, headers: raw.headers };
  const { body } = raw;
  if (body !== null) {
    init.body = body;
    init.duplex = "half";
  }
  const request = new NativeRequest(url, init);
  request.headers.delete(label);
  defineProperty(request, "signal", { get: () => raw.signal, configurable: true });
  return request;
}

function labelled(response, reads, outcome) {
  try {
    return withReads(response, reads, outcome);
  } catch {
    const { status, statusText, headers } = response;
    return withReads(new NativeResponse(response.body, { status, statusText, headers }), reads, outcome);
  }
}

function withReads(response, reads, outcome) {
  const { headers } = response;
  if (headers.has("x-strongroom-reads")) headers.delete("x-strongroom-reads");
  if (headers.has("x-strongroom-outcome")) headers.delete("x-strongroom-outcome");
  if (reads !== "") headers.set("x-strongroom-reads", reads);
  if (outcome !== undefined) headers.set("x-strongroom-outcome", outcome);
  return response;
}

function broken(error) {
  send({ t: "log", l: "error", m: describe(error) });
  return json({ error: "internal error" }, { status: 500 });
}

function describe(error) {
  try {
    return inspect(error);
  } catch {
    return "an error that cannot be shown";
  }
}

function plainObject(pairs) {
  const env = Object.create(null);
  for (const [name, value] of pairs) env[name] = value;
  return Object.freeze(env);
}

function installGlobals() {
  const { secrets, SecretNotFoundError, SecretExpiredError, SecretWithoutValueError } = helpers;
  for (const [name, value] of Object.entries({ secrets, SecretNotFoundError, SecretExpiredError, SecretWithoutValueError })) {
    defineProperty(globalThis, name, { value, writable: true, configurable: true });
  }
  guardProcess((error) => send({ t: "log", x: invocation()?.id, l: "error", m: `uncaught: ${describe(error)}` }));
}

// Console lines carry the execution they belong to.
function installConsole() {
  const limit = 1 << 20;
  captureConsole((level, text) => {
    const whole = text.endsWith("\n") ? text.slice(0, -1) : text;
    const frame = { t: "log", x: invocation()?.id, l: level, m: whole };
    if (whole.length > limit) {
      frame.m = whole.slice(0, limit);
      frame.cut = true;
    }
    send(frame);
  });
}
