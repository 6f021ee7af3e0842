// Outbound connections. This process may open no socket of its own: the supervisor looks the name up, checks name and
// address against what the deployment may reach, connects, and hands the connection over through the channel.

import dgram from "node:dgram";
import dns from "node:dns";
import net from "node:net";
import tls from "node:tls";
import { send } from "./frames.js";

const realConnect = net.Socket.prototype.connect;
const realSecure = tls.connect;
const normalize = net._normalizeArgs;
const { Socket } = net;
const { getOwnPropertySymbols } = Object;
const waiting = new Map();
let asked = 0;

/** The supervisor's answer to one request, with a connection if it is one. */
export function answered({ i, e, a }, handle) {
  const wake = waiting.get(i);
  waiting.delete(i);
  if (wake !== undefined) wake({ code: e, addresses: a, handle });
  else handle?.close();
}

/** Sends every way of connecting through the supervisor. */
export function connectThrough() {
  Socket.prototype.connect = connect;
  tls.connect = secure;
  dns.lookup = lookup;
  dns.promises.lookup = (host, options) =>
    new Promise((go, stop) => {
      lookup(host, options ?? {}, (error, address, family) => {
        if (error) stop(error);
        else go(Array.isArray(address) ? address : { address, family });
      });
    });
  dgram.createSocket = () => {
    throw Object.assign(new Error("datagram sockets are not available in a function"), { code: "EACCES" });
  };
}

function ask(question) {
  return new Promise((wake) => {
    const i = ++asked;
    waiting.set(i, wake);
    send({ ...question, i });
  });
}

function connect(...args) {
  // net.connect passes what it has normalised already
  const [options, ready] = Array.isArray(args[0]) ? args[0] : normalize(args);
  if (options.path) return realConnect.apply(this, args);
  const host = String(options.host ?? "localhost");
  const port = Number(options.port);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw Object.assign(new RangeError("Port should be >= 0 and < 65536"), { code: "ERR_SOCKET_BAD_PORT" });
  }
  if (this.destroyed) this._undestroy();
  if (typeof ready === "function") this.once("connect", ready);
  this.connecting = true;
  this.writable = true;
  this._host = host;
  ask({ t: "open", h: host, p: port }).then(({ code, handle }) => adopt(this, { code, handle, host, port }));
  return this;
}

function adopt(socket, { code, handle, host, port }) {
  if (socket.destroyed) {
    handle?.close();
  } else if (handle === undefined) {
    socket.connecting = false;
    const error = new Error(`connect ${code} ${host}:${port}`);
    socket.destroy(Object.assign(error, { code, syscall: "connect", address: host, port }));
  } else {
    // a second socket makes the handle ready for use; then it changes hands
    const donor = new Socket({ handle, pauseOnCreate: true });
    const owner = getOwnPropertySymbols(handle).find((symbol) => handle[symbol] === donor);
    donor._handle = null;
    handle[owner] = socket;
    socket._handle = handle;
    socket.connecting = false;
    if (socket._unrefed === true) handle.unref();
    socket.emit("connect");
    socket.emit("ready");
    if (!socket.isPaused()) socket.read(0);
  }
}

function secure(...args) {
  const [options, ready] = normalize(args);
  for (const each of args.slice(1)) if (each !== null && typeof each === "object") Object.assign(options, each);
  if (!options.socket && !options.path) {
    options.socket = net.connect({ host: options.host ?? "localhost", port: options.port });
  }
  return realSecure.call(this, options, ready);
}

function lookup(host, options, done) {
  if (typeof options === "function") [done, options] = [options, {}];
  const { all, family } = typeof options === "number" ? { family: options } : options ?? {};
  ask({ t: "lookup", h: String(host) }).then(({ code, addresses }) => {
    const found = (addresses ?? []).map((address) => ({ address, family: net.isIP(address) }));
    const fitting = found.filter((each) => !family || each.family === Number(String(family).replace("IPv", "")));
    if (fitting.length === 0) {
      const why = code ?? "ENOTFOUND";
      done(Object.assign(new Error(`getaddrinfo ${why} ${host}`), { code: why, syscall: "getaddrinfo", hostname: host }));
    } else if (all) done(null, fitting);
    else done(null, fitting[0].address, fitting[0].family);
  });
}
