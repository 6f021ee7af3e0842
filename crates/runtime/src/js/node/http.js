// Node's requests and responses as the Web's, streaming both ways.

import { Readable } from "node:stream";

const { toWeb } = Readable;
const NativeHeaders = Headers;
const Controller = AbortController;
const label = "x-strongroom-invocation";

/** What the shared code needs of one request, and `node` for servers that want Node's own. */
export function requestOf(req, res) {
  const gone = new Controller();
  res.once("close", () => {
    if (!res.writableFinished) gone.abort(new DOMException("the caller has gone", "AbortError"));
  });
  const headers = new NativeHeaders();
  const { rawHeaders, method } = req;
  for (let at = 0; at < rawHeaders.length; at += 2) headers.append(rawHeaders[at], rawHeaders[at + 1]);
  const hasBody = method !== "GET" && method !== "HEAD" && !isEmpty(req.headers);
  return {
    method,
    headers,
    signal: gone.signal,
    get body() {
      return hasBody ? toWeb(req) : null;
    },
    async text() {
      const parts = [];
      for await (const part of req) parts.push(part);
      return Buffer.concat(parts).toString("utf8");
    },
    get node() {
      withoutLabel(req);
      return { req, res };
    },
  };
}

function isEmpty(headers) {
  return headers["transfer-encoding"] === undefined && Number(headers["content-length"] ?? 0) === 0;
}

function withoutLabel(req) {
  delete req.headers[label];
  const at = req.rawHeaders.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === label);
  if (at >= 0) req.rawHeaders.splice(at, 2);
}

/** Sends a Web response. */
export async function respondWith(response, req, res) {
  const { status, statusText, headers, body } = response;
  res.statusCode = status;
  if (statusText !== "") res.statusMessage = statusText;
  for (const [name, value] of headers) if (name !== "set-cookie") res.setHeader(name, value);
  const cookies = headers.getSetCookie();
  if (cookies.length > 0) res.setHeader("set-cookie", cookies);
  if (body === null || req.method === "HEAD") {
    await body?.cancel();
    res.end();
    return;
  }
  res.flushHeaders();
  const reader = body.getReader();
  res.once("close", () => reader.cancel().catch(() => {}));
  for (;;) {
    const { value, done } = await reader.read();
    if (done || res.destroyed) break;
    if (!res.write(value)) await drained(res);
  }
  res.end();
}

function drained(res) {
  return new Promise((go) => {
    const over = () => {
      res.off("drain", over);
      res.off("close", over);
      go();
    };
    res.on("drain", over);
    res.on("close", over);
  });
}
