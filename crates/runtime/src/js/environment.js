// The environment that the function's code sees. It is filled inside the process, so nothing stands in the process's
// own environment block.

import { showEnvironment, variables } from "./platform.js";
import { valueOf } from "./snapshot.js";
import { current, invocation } from "./state.js";
import { noteListing, noteMissing, noteRead } from "./reads.js";

const { get, set, has, remove, all } = variables;
const touched = new Set();

/** Removes what the host had to put there to start the process. */
export function clear() {
  for (const name of Object.keys(all())) remove(name);
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

/** Puts what notes reads in place of the plain look-ups. */
export function watch() {
  showEnvironment({
    get(name) {
      const entry = seen(name);
      if (entry === undefined) return get(name);
      return entry === null ? undefined : valueOf(entry);
    },
    has(name) {
      const entry = seen(name);
      return entry === undefined ? has(name) : entry !== null;
    },
    set(name, value) {
      touched.add(name);
      set(name, value);
    },
    remove(name) {
      touched.add(name);
      remove(name);
    },
    all(namesOnly) {
      noteListing();
      const listed = all();
      const snapshot = inForce();
      for (const [name, entry] of snapshot.env) {
        if (namesOnly !== true && name === entry.n && !touched.has(name)) noteRead("e", entry);
      }
      if (snapshot !== current()) overlay(listed, snapshot);
      return listed;
    },
  });
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

function overlay(listed, snapshot) {
  for (const name of current().env.keys()) {
    if (!snapshot.env.has(name) && !touched.has(name)) delete listed[name];
  }
  for (const [name, entry] of snapshot.env) {
    if (!touched.has(name)) listed[name] = valueOf(entry);
  }
}
