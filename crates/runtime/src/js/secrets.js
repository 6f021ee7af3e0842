// `secrets`, `ctx.secrets` and the error classes, as SPEC 1 and 6 define them.

import { valueOf } from "./snapshot.js";
import { current, invocation } from "./state.js";
import { noteRead, noteMissing } from "./reads.js";
import { userOf } from "./user.js";

class SecretError extends Error {
  constructor(name, secret, message) {
    super(message);
    this.name = name;
    this.secret = secret;
  }
}

/** The name has no secret in any scope that this workload sees. */
export class SecretNotFoundError extends SecretError {
  constructor(secret) {
    super("SecretNotFoundError", secret, `secret ${secret} is not set; set it with: strongroom secrets set ${secret}`);
  }
}

/** The secret's time is over. Neither a default nor a fallback stands in for it. */
export class SecretExpiredError extends SecretError {
  constructor(secret, hint = `set a new value with: strongroom secrets set ${secret}`) {
    super("SecretExpiredError", secret, `secret ${secret} has expired; ${hint}`);
  }
}

/** The secret is declared, but nobody has given it a value yet. */
export class SecretWithoutValueError extends SecretError {
  constructor(secret) {
    super(
      "SecretWithoutValueError",
      secret,
      `secret ${secret} is declared but has no value yet; set it with: strongroom secrets set ${secret}`,
    );
  }
}

function snapshotInForce() {
  const inv = invocation();
  return inv === undefined ? current() : inv.snapshot;
}

function checkName(name) {
  if (typeof name !== "string" || name === "") throw new TypeError("the name of a secret is a string");
}

// The text, or undefined when nothing stands there; an expired one throws.
function read(entry, name) {
  if (entry === undefined) {
    noteMissing("h", name);
    return undefined;
  }
  if (entry.s === "expired") throw expired(entry, name);
  const text = valueOf(entry);
  if (text === undefined) noteMissing("h", name);
  else noteRead("h", entry);
  return text;
}

function expired(entry, name) {
  if (entry.sc !== "user") return new SecretExpiredError(name);
  return new SecretExpiredError(name, "it is the end user's own, and he sets a new value");
}

// A user's own value wins where the function's list says so.
function lookUp(name) {
  const inv = invocation();
  const own = inv?.user?.wins.get(name);
  if (own !== undefined) return own;
  const snapshot = inv === undefined ? current() : inv.snapshot;
  return snapshot.main.get(name) ?? snapshot.system.get(name);
}

function required(entry, name) {
  const text = read(entry, name);
  if (text !== undefined) return text;
  throw entry === undefined ? new SecretNotFoundError(name) : new SecretWithoutValueError(name);
}

/** The global `secrets`. */
export const secrets = Object.freeze({
  get(name) {
    checkName(name);
    return read(lookUp(name), name);
  },
  getRequired(name) {
    checkName(name);
    return required(lookUp(name), name);
  },
  getSystem(name) {
    checkName(name);
    return read(snapshotInForce().system.get(name), name);
  },
  getUser(name) {
    checkName(name);
    const entry = userOf(`secrets.getUser("${name}")`).secrets.get(name);
    return entry === undefined ? undefined : read(entry, name);
  },
});

/** `ctx.secrets`: one for all, since the invocation is found by its own context. */
export const contextSecrets = Object.freeze({
  // deno-lint-ignore require-await -- a missing secret must reject, not throw
  async get(name, fallback) {
    checkName(name);
    const entry = lookUp(name);
    if (fallback === undefined) return required(entry, name);
    return read(entry, name) ?? fallback;
  },
});

/** The `env` of `fetch(req, env, ctx)`: plain variables, and each secret by its bare name, read when touched. */
export function bindings(snapshot, plain) {
  if (snapshot.bindings !== undefined) return snapshot.bindings;
  const env = Object.create(null);
  for (const [name, value] of plain) define(env, name, () => value);
  for (const [name, entry] of snapshot.main) {
    if (valueOf(entry) === undefined) continue;
    define(env, name, () => {
      noteRead("h", entry);
      return valueOf(entry);
    });
  }
  snapshot.bindings = Object.freeze(env);
  return env;
}

function define(target, name, get) {
  Object.defineProperty(target, name, { get, enumerable: true, configurable: true });
}
