/**
 * `@strongroom/functions`: what a function's code sees. The runtime provides everything at run time; this file is
 * bundled into the function and holds types, `defineFunction` and names for the globals.
 *
 * @module
 */

/** Reads secrets. Available as the global `secrets`. */
export interface Secrets {
  /** The value; undefined if it is not set or has no value yet. Throws {@link SecretExpiredError} if it has expired. */
  get(name: string): string | undefined;
  /** The value. Throws {@link SecretNotFoundError}, {@link SecretWithoutValueError} or {@link SecretExpiredError}. */
  getRequired(name: string): string;
  /** The value of a secret of scope `system`; undefined if there is none. */
  getSystem(name: string): string | undefined;
  /** The value that the end user of this invocation has stored. Throws outside an invocation made for an end user. */
  getUser(name: string): string | undefined;
}

/** Reads secrets inside one invocation: `ctx.secrets`. */
export interface ContextSecrets {
  /** The value. Rejects if it is not set, has no value yet, or has expired. */
  get(name: string): Promise<string>;
  /** The value, or `fallback` if it is not set or has no value yet. Rejects if it has expired. */
  get(name: string, fallback: string): Promise<string>;
}

/** What belongs to one invocation. */
export interface Context {
  /** Id of this execution, as the logs show it. */
  readonly executionId: string;
  /** The request. */
  readonly request: Request;
  /** The variables of the deployment that are no secrets. */
  readonly env: Readonly<Record<string, string>>;
  /** Secrets. */
  readonly secrets: ContextSecrets;
  /** Reports an error of `promise` in the log; the invocation does not wait for it. */
  waitUntil(promise: Promise<unknown>): void;
}

/** What a handler of {@link defineFunction} is called with. */
export interface Call<Input> {
  /** The JSON body, or the query of a GET. */
  input: Input;
  /** The invocation. */
  ctx: Context;
  /** The request. */
  request: Request;
}

/** A function. */
export interface FunctionDefinition<Input, Output> {
  /** Its name, for people; the deployment decides under which name it is called. */
  name?: string;
  /** A result that is no `Response` is sent as JSON. */
  handler: (call: Call<Input>) => Output | Response | Promise<Output | Response>;
}

/** Marks `definition` as a function; to be exported as the module's default. */
// deno-lint-ignore no-explicit-any -- the input is whatever the caller sent, until the handler checks it
export function defineFunction<Input = any, Output = unknown>(
  definition: FunctionDefinition<Input, Output>,
): FunctionDefinition<Input, Output> {
  return Object.assign({}, definition, { [Symbol.for("strongroom.function")]: true });
}

/** An error about one secret. */
export interface SecretError extends Error {
  /** The secret's name. */
  readonly secret: string;
}

type SecretErrorClass = new (secret: string) => SecretError;

interface Provided {
  secrets: Secrets;
  SecretNotFoundError: SecretErrorClass;
  SecretExpiredError: SecretErrorClass;
  SecretWithoutValueError: SecretErrorClass;
}

const provided = globalThis as unknown as Provided;

/** The global `secrets`. */
export const secrets: Secrets = provided.secrets;
/** The name has no secret. */
export const SecretNotFoundError: SecretErrorClass = provided.SecretNotFoundError;
/** The secret's time is over. */
export const SecretExpiredError: SecretErrorClass = provided.SecretExpiredError;
/** The secret is declared and has no value yet. */
export const SecretWithoutValueError: SecretErrorClass = provided.SecretWithoutValueError;
