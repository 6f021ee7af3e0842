// The values that this worker holds. A snapshot never changes: a push makes a new one, so an invocation in flight
// keeps the one it started with. Names are keys of Maps, so `__proto__` is a name like any other.

/** Values after one step: `main` and `system` by secret name, `env` by the name that the environment shows. */
export class Snapshot {
  constructor(step, main, system, prefixes) {
    this.step = step;
    this.main = main;
    this.system = system;
    this.prefixes = prefixes;
    this.env = new Map();
    for (const entry of main.values()) {
      if (valueOf(entry) === undefined) continue;
      for (const prefix of prefixes) this.env.set(prefix + entry.n, entry);
    }
    for (const entry of main.values()) {
      if (valueOf(entry) !== undefined) this.env.set(entry.n, entry);
    }
    this.bindings = undefined;
  }

  /** The snapshot after a push of `{step, set, unset, systemSet, systemUnset}`. */
  after(push) {
    return new Snapshot(
      push.step,
      changed(this.main, push.set, push.unset),
      changed(this.system, push.systemSet, push.systemUnset),
      this.prefixes,
    );
  }
}

/** An index of entries by name. */
export function byName(entries) {
  return new Map(entries.map((entry) => [entry.n, entry]));
}

/** The text that an entry gives: its value, else its default when it has no value yet, else undefined. */
export function valueOf(entry) {
  if (entry.s === "value") return entry.v;
  return entry.s === "none" && typeof entry.d === "string" ? entry.d : undefined;
}

function changed(before, set, unset) {
  const after = new Map(before);
  for (const name of unset) after.delete(name);
  for (const entry of set) after.set(entry.n, entry);
  return after;
}
