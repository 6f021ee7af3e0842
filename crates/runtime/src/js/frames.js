// What the worker tells its supervisor: lines on stdout that start with a nonce which the function's code never sees.
// Every primitive is taken before that code is loaded, so replacing a global later changes nothing here.

const stringify = JSON.stringify;
const parse = JSON.parse;
const encoder = new TextEncoder();
const encode = encoder.encode.bind(encoder);
const writeSync = Deno.stdout.writeSync.bind(Deno.stdout);
let nonce = "";

/** Sets the nonce, once, before anything is sent. */
export function introduce(value) {
  nonce = value;
}

/** Sends one frame. Never throws: a supervisor that is gone ends this process anyway. */
export function send(frame) {
  const bytes = encode(nonce + stringify(frame) + "\n");
  let sent = 0;
  try {
    while (sent < bytes.length) sent += writeSync(bytes.subarray(sent));
  } catch {
    // stdout is closed; stdin closes with it and ends the process
  }
}

/** Calls `take(message)` for each JSON line on stdin, in order, and resolves at its end. */
export async function receive(take) {
  const reader = Deno.stdin.readable.getReader();
  // the code has no standard input; what comes there is not for it
  const ended = { read: () => Promise.resolve(null), readSync: () => null };
  for (const name of ["read", "readSync"]) Object.defineProperty(Deno.stdin, name, { value: ended[name] });
  const decoder = new TextDecoder();
  let pending = [];
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    let rest = value;
    for (;;) {
      const end = rest.indexOf(10);
      if (end < 0) break;
      pending.push(rest.subarray(0, end));
      const line = pending.length === 1 ? pending[0] : joined(pending);
      const message = parse(decoder.decode(line));
      for (const part of pending) part.fill(0);
      line.fill(0);
      pending = [];
      rest = rest.subarray(end + 1);
      take(message);
    }
    if (rest.length > 0) pending.push(rest);
  }
}

function joined(parts) {
  let size = 0;
  for (const part of parts) size += part.length;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
