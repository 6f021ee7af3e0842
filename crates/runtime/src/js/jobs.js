// One run of a job: payload in, result out, and in between progress, and the wish to stop. A worker has one at a time.

import { send } from "./frames.js";
import { current, within } from "./state.js";
import { contextSecrets } from "./secrets.js";
import { userSecrets } from "./user.js";

const { parse, stringify } = JSON;
const { isFinite } = Number;
const { min, max, round } = Math;
const NativeResponse = Response;
const encoder = new TextEncoder();
const encode = encoder.encode.bind(encoder);
const maxResultBytes = 1024 * 1024;
const maxMessage = 500;
let running;
let early;

/** Runs the handler on the envelope `{job, payload}`; the answer's outcome header says whether it threw. */
export async function run(handler, text, id, env, complain) {
  const { job, payload } = parse(text);
  const stop = new AbortController();
  running = { id, stop };
  if (early?.id === id) abort(id, early.why);
  const inv = { id, user: undefined, snapshot: current(), reads: new Set(), pending: "", headSent: true, info: undefined };
  try {
    const result = await within(inv, handler.call, payload, inv, new JobContext(id, job, env, stop.signal));
    return answer("completed", await serialized(result));
  } catch (error) {
    complain(error);
    return answer("failed", stringify(described(error)));
  } finally {
    running = undefined;
  }
}

/** Fires the signal of the run `id`, now or when it begins: the wish comes by another way than the run itself. */
export function abort(id, why) {
  if (running?.id !== id) {
    early = { id, why };
    return;
  }
  const [name, message] = why === "timeout"
    ? ["TimeoutError", "the run has taken longer than its timeout"]
    : ["AbortError", "the run was cancelled"];
  running.stop.abort(new DOMException(message, name));
}

/** The `ctx` of one run. */
class JobContext {
  constructor(id, job, env, signal) {
    this.executionId = id;
    this.job = Object.freeze(job);
    this.env = env;
    this.secrets = contextSecrets;
    this.user = null;
    this.userSecrets = userSecrets;
    this.signal = signal;
  }
  /** Says how far the run is: 0 to 100, and a line for people. */
  progress(percent, message) {
    if (!isFinite(percent)) throw new TypeError("ctx.progress takes a number from 0 to 100, and a message");
    const frame = { t: "progress", x: this.executionId, p: min(100, max(0, round(percent))) };
    if (message !== undefined) frame.m = String(message).slice(0, maxMessage);
    send(frame);
  }
  waitUntil(promise) {
    Promise.resolve(promise).catch((error) => console.error(error));
  }
}

async function serialized(result) {
  if (result instanceof NativeResponse) {
    const body = await result.text();
    if (!result.ok) throw new Error(`the handler answered ${result.status}`);
    result = isJson(result) ? parse(body) : body;
  }
  const text = stringify(result) ?? "null";
  const size = encode(text).length;
  if (size > maxResultBytes) {
    throw new RangeError(`the result is ${size} bytes of JSON; at most ${maxResultBytes} are kept`);
  }
  return text;
}

function isJson(response) {
  return (response.headers.get("content-type") ?? "").startsWith("application/json");
}

function described(error) {
  if (!(error instanceof Error || error instanceof DOMException)) return { class: "Error", message: text(error) };
  return { class: text(error.name), message: text(error.message) };
}

function text(value) {
  try {
    return String(value).slice(0, 4000);
  } catch {
    return "an error that cannot be shown";
  }
}

function answer(outcome, body) {
  const headers = { "content-type": "application/json", "x-strongroom-outcome": outcome };
  return new NativeResponse(body, { headers });
}
