// End users: whom an invocation is made for, what is his, and how the code changes it. The supervisor announces each user
// before the request that names him; what it announced is taken once, and then stands in the invocation alone.

import { send } from "./frames.js";
import { invocation } from "./state.js";
import { byName } from "./snapshot.js";

const announced = new Map();
const awaited = new Map();
const asked = new Map();
const { now } = Date;
// a request whose caller has gone may never come
const keepMillis = 60_000;
let questions = 0;

/** Takes the announcement of the user of one execution. */
export function announce({ x, issuer, id, may, own, over }) {
  const secrets = byName(own);
  const user = { who: Object.freeze({ issuer, id }), secrets, over, wins: new Map(), may, at: now() };
  for (const [target, name] of over) {
    const entry = secrets.get(name);
    if (entry !== undefined) user.wins.set(target, { ...entry, n: target });
  }
  const go = awaited.get(x);
  if (go !== undefined) {
    awaited.delete(x);
    go(user);
    return;
  }
  for (const [left, { at }] of announced) {
    if (user.at - at < keepMillis) break;
    announced.delete(left);
  }
  announced.set(x, user);
}

/** The user of the execution, once he is announced. Gives him once. */
export function announcedFor(x) {
  const user = announced.get(x);
  announced.delete(x);
  return user ?? new Promise((go) => awaited.set(x, go));
}

/** The end user of the calling code's invocation; throws where there is none. */
export function userOf(what) {
  const inv = invocation();
  if (inv === undefined) throw new Error(`${what} works only inside an invocation`);
  if (inv.user === undefined) {
    throw new Error(
      `${what}: this invocation is made for no end user; the caller shows his token in Authorization where the ` +
        'function has "auth": "user", else in X-Strongroom-User',
    );
  }
  return inv.user;
}

/** The supervisor's answer to a change. */
export function kept({ i, r, e }) {
  const done = asked.get(i);
  asked.delete(i);
  done?.(e, r);
}

function keep(name, value) {
  const user = userOf("ctx.userSecrets");
  if (typeof name !== "string" || name === "") throw new TypeError("the name of a secret is a string");
  if (!user.may) {
    throw new Error('ctx.userSecrets: this function may not change secrets; deploy it with "user_secrets": "write"');
  }
  const i = ++questions;
  return new Promise((go, stop) => {
    asked.set(i, (problem, version) => {
      if (problem !== undefined) stop(new Error(`ctx.userSecrets: ${problem}`));
      else go({ user, version });
    });
    send({ t: "keep", x: invocation().id, i, n: name, v: value });
  });
}

function hold(user, name, entry) {
  const put = (map, key, value) => value === undefined ? map.delete(key) : map.set(key, { ...value, n: key });
  put(user.secrets, name, entry);
  for (const [target, own] of user.over) if (own === name) put(user.wins, target, entry);
}

/** `ctx.userSecrets`: one for all, since the invocation is found by its own context. */
export const userSecrets = Object.freeze({
  async set(name, value) {
    if (typeof value !== "string") throw new TypeError("the value of a secret is a string");
    const { user, version } = await keep(name, value);
    hold(user, name, { s: "value", v: value, sc: "user", r: version });
  },
  async delete(name) {
    const { user } = await keep(name, null);
    hold(user, name, undefined);
  },
});
