// What one worker knows: the snapshot in force, the invocation that is running, and who waits for a step.

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

/** Makes `next` the newest snapshot and lets those go on that waited for its step. */
export function adopt(next) {
  snapshot = next;
  const ready = waiting.filter((waiter) => waiter.step <= next.step);
  waiting = waiting.filter((waiter) => waiter.step > next.step);
  for (const waiter of ready) waiter.go();
}

/** Resolves when the newest snapshot is of `step` or later. */
export function reached(step) {
  return new Promise((go) => waiting.push({ step, go }));
}

/** The invocation that the calling code belongs to, or undefined. */
export function invocation() {
  return getStore();
}

/** Runs `work` as part of `inv`. */
export function within(inv, work, ...args) {
  return run(inv, work, ...args);
}
