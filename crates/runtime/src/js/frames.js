// What the worker tells its supervisor: lines on stdout that start with a nonce which the function's code never sees.
// Every primitive is taken before that code is loaded, so replacing a global later changes nothing here.

import { writeAll } from "./platform.js";

const stringify = JSON.stringify;
const encoder = new TextEncoder();
const encode = encoder.encode.bind(encoder);
let nonce = "";

/** Sets the nonce, once, before anything is sent. */
export function introduce(value) {
  nonce = value;
}

/** Sends one frame. Never throws: a supervisor that is gone ends this process anyway. */
export function send(frame) {
  try {
    writeAll(encode(nonce + stringify(frame) + "\n"));
  } catch {
    // stdout is closed; stdin closes with it and ends the process
  }
}
