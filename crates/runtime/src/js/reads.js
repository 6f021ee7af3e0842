// Who read what. The first read of a name in an invocation is reported with that invocation's response head (no frame,
// no system call of its own); reads after the head, and reads outside an invocation, are reported in a frame.

import { send } from "./frames.js";
import { invocation } from "./state.js";

const legal = /^[A-Za-z_][A-Za-z0-9_]{0,255}$/;
const missing = new Set();
const outside = new Set();
const fromEnvironment = new Set();
let loading = [];

/** Notes that `entry` was read `via` "e" (environment) or "h" (helper). */
export function noteRead(via, entry) {
  const inv = invocation();
  if (inv === undefined) {
    const key = `${via}${entry.r}${entry.n}`;
    if (outside.has(key)) return;
    outside.add(key);
    report([`${via}.${entry.n}.${entry.sc}.${entry.r}`], undefined);
    return;
  }
  if (via === "e" && !fromEnvironment.has(entry.n)) {
    // told at once, the first time in this worker: the code may keep it, so the next change must replace the worker
    fromEnvironment.add(entry.n);
    send({ t: "reads", r: [`e.${entry.n}`] });
  }
  // an end user's secret of the same name is another one
  const key = entry.sc === "user" ? `user.${entry.n}` : entry.n;
  if (inv.reads.has(key)) return;
  inv.reads.add(key);
  const token = `${via}.${entry.n}.${entry.sc}.${entry.r}`;
  if (inv.headSent) report([token], inv.id);
  else inv.pending = inv.pending === "" ? token : `${inv.pending},${token}`;
}

/** Notes a look at a name that has no value, once per worker: the supervisor must know when it gets one. */
export function noteMissing(via, name) {
  if (via === "h" && loading === undefined) return;
  if (missing.has(name) || missing.size > 2000 || !legal.test(name)) return;
  missing.add(name);
  report([`${via}.${name}`], undefined);
}

/** Notes that the whole environment was listed. */
export function noteListing() {
  if (missing.has("*")) return;
  missing.add("*");
  report(["*"], undefined);
}

/** The reads at module load; from here on a read outside an invocation is an ordinary one. */
export function loaded() {
  const reads = loading;
  loading = undefined;
  return reads;
}

function report(tokens, id) {
  if (loading !== undefined) loading.push(...tokens);
  else send({ t: "reads", x: id, r: tokens });
}
