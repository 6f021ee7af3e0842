// The environment that the function's code sees. It is filled inside the process, so nothing stands in the process's
// own environment block. `process.env` of Node's layer reads through the same `Deno.env`, so one wrapper covers both.

import { valueOf } from "./snapshot.js";
import { current, invocation } from "./state.js";
import { noteListing, noteMissing, noteRead } from "./reads.js";

const env = Deno.env;
const get = env.get.bind(env);
const set = env.set.bind(env);
const has = env.has.bind(env);
const remove = env.delete.bind(env);
const toObject = env.toObject.bind(env);
const touched = new Set();

/** Removes what the host had to put there to start the process. */
export function clear() {
  for (const name of Object.keys(toObject())) remove(name);
}

/** Sets the plain variables. */
export function plain(pairs) {
  for (const [name, value] of pairs) set(name, value);
}

/** Makes the environment show `next` where it showed `before`. */
export function show(before, next) {
  for (const [name, entry] of before.env) {
    if (!next.env.has(name) && !touched.has(name) && valueOf(entry) !== undefined) remove(name);
  }
  for (const [name, entry] of next.env) {
    const old = before.env.get(name);
    if (old !== undefined && valueOf(old) === valueOf(entry)) continue;
    touched.delete(name);
    set(name, valueOf(entry));
  }
}

/** Puts the wrappers in place. */
export function watch() {
  env.get = function (name) {
    name = String(name);
    const entry = seen(name);
    if (entry === undefined) return get(name);
    return entry === null ? undefined : valueOf(entry);
  };
  env.has = function (name) {
    name = String(name);
    const entry = seen(name);
    return entry === undefined ? has(name) : entry !== null;
  };
  env.set = function (name, value) {
    touched.add(String(name));
    set(name, value);
  };
  env.delete = function (name) {
    touched.add(String(name));
    remove(name);
  };
  env.toObject = function () {
    noteListing();
    const all = toObject();
    const snapshot = inForce();
    for (const [name, entry] of snapshot.env) {
      if (name === entry.n && !touched.has(name)) noteRead("e", entry);
    }
    if (snapshot !== current()) overlay(all, snapshot);
    return all;
  };
}

function inForce() {
  const inv = invocation();
  return inv === undefined ? current() : inv.snapshot;
}

// The entry behind a name; null where the invocation's own snapshot has none; undefined where it is no secret's name
// or the code has put something else there.
function seen(name) {
  if (touched.has(name)) return undefined;
  const snapshot = inForce();
  const entry = snapshot.env.get(name);
  if (entry !== undefined) {
    noteRead("e", entry);
    return entry;
  }
  noteMissing("e", name);
  return snapshot !== current() && current().env.has(name) ? null : undefined;
}

function overlay(all, snapshot) {
  for (const name of current().env.keys()) {
    if (!snapshot.env.has(name) && !touched.has(name)) delete all[name];
  }
  for (const [name, entry] of snapshot.env) {
    if (!touched.has(name)) all[name] = valueOf(entry);
  }
}
