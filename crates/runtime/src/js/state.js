// What one worker knows: the snapshot in force, the invocation that is running, and who waits for an epoch.

import { AsyncLocalStorage } from "node:async_hooks";
import { Snapshot } from "./snapshot.js";

const storage = new AsyncLocalStorage();
const run = storage.run.bind(storage);
const getStore = storage.getStore.bind(storage);
let snapshot = new Snapshot(0, new Map(), new Map(), []);
let waiting = [];

/** The newest snapshot. */
export function current() {
  return snapshot;
}

/** Makes `next` the newest snapshot and lets those go on that waited for its epoch. */
export function adopt(next) {
  snapshot = next;
  const ready = waiting.filter((waiter) => waiter.epoch <= next.epoch);
  waiting = waiting.filter((waiter) => waiter.epoch > next.epoch);
  for (const waiter of ready) waiter.go();
}

/** Resolves when the newest snapshot is of `epoch` or later. */
export function reached(epoch) {
  return new Promise((go) => waiting.push({ epoch, go }));
}

/** The invocation that the calling code belongs to, or undefined. */
export function invocation() {
  return getStore();
}

/** Runs `work` as part of `inv`. */
export function within(inv, work, ...args) {
  return run(inv, work, ...args);
}
