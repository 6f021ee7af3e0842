/**
 * The names that this project's secrets have. Empty until `strongroom types` has written them; from then on a name that
 * the project does not have is an error in the editor.
 */
export interface SecretNames {}

/** A name that can be read: one of the project's, or any text while {@link SecretNames} is empty. */
export type SecretName = [keyof SecretNames] extends [never] ? string : Extract<keyof SecretNames, string>;

/** Reads secrets. Available as the global `secrets`. */
export interface Secrets {
  /**
   * The value; undefined if it is not set or has no value yet. Throws {@link SecretExpiredError} if it has expired.
   * Looks where this workload's secrets come from, then in scope `system`.
   */
  get(name: SecretName): string | undefined;
  /** The value. Throws {@link SecretNotFoundError}, {@link SecretWithoutValueError} or {@link SecretExpiredError}. */
  getRequired(name: SecretName): string;
  /** The value of a secret of scope `system`; undefined if there is none. */
  getSystem(name: string): string | undefined;
  /**
   * The value that the end user of this invocation keeps for himself; undefined if there is none. Throws outside an
   * invocation, in one that is made for no end user, and {@link SecretExpiredError} if it has expired.
   */
  getUser(name: string): string | undefined;
}

/** Reads secrets inside one invocation: `ctx.secrets`. */
export interface ContextSecrets {
  /** The value. Rejects if it is not set, has no value yet, or has expired. */
  get(name: SecretName): Promise<string>;
  /** The value, or `fallback` if it is not set or has no value yet. Rejects if it has expired. */
  get(name: SecretName, fallback: string): Promise<string>;
}

/** The end user whom an invocation is made for: his token was verified before the code was called. */
export interface EndUser {
  /** Who says who he is: the `iss` of his token. */
  readonly issuer: string;
  /** His id there: the `sub` of his token. Two issuers may use the same. */
  readonly id: string;
}

/** Changes the secrets of the end user of this invocation: `ctx.userSecrets`. Needs `"user_secrets": "write"`. */
export interface UserSecrets {
  /** Stores a value, which does not expire. From then on this invocation sees it, and every later one for this user. */
  set(name: string, value: string): Promise<void>;
  /** Deletes it; nothing happens if it is not there. */
  delete(name: string): Promise<void>;
}

/** What a function's invocation and a job's run have in common. */
export interface BaseContext {
  /** Id of this execution, as the logs show it. */
  readonly executionId: string;
  /** The variables of the deployment that are no secrets. */
  readonly env: Readonly<Record<string, string>>;
  /** Secrets. */
  readonly secrets: ContextSecrets;
  /** The end user whom this is for; null if it is for none, as every run of a job is. */
  readonly user: EndUser | null;
  /** Changes the end user's secrets; rejects where there is none. */
  readonly userSecrets: UserSecrets;
  /** Reports an error of `promise` in the log; the invocation does not wait for it. */
  waitUntil(promise: Promise<unknown>): void;
}

/** What belongs to one invocation of a function. */
export interface Context extends BaseContext {
  /** The request. */
  readonly request: Request;
}

/** What belongs to one run of a job. */
export interface JobContext extends BaseContext {
  /** The run, which is the same for each of its attempts. */
  readonly job: {
    /** The run's id: do not do twice what was done under it. */
    readonly id: string;
    /** The job's name. */
    readonly name: string;
    /** Which attempt this is, from 1. */
    readonly attempt: number;
    /** The slot of the schedule that the run is for, as RFC 3339; null if somebody asked for the run. */
    readonly scheduledFor: string | null;
  };
  /** Fires when the run is cancelled or takes longer than its timeout; a moment later the run is ended by force. */
  readonly signal: AbortSignal;
  /** Says how far the run is: 0 to 100, and a line for people. */
  progress(percent: number, message?: string): void;
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
export function defineFunction<Input = any, Output = unknown>(
  definition: FunctionDefinition<Input, Output>,
): FunctionDefinition<Input, Output>;

/** A function that is exported as the module's default. A result that is no `Response` is sent as JSON. */
export type Handler = (request: Request, ctx: Context) => unknown;

/** A job that is exported as the module's default. What it returns is kept as the run's result; what it throws fails the attempt. */
export type JobHandler<Payload = any, Result = unknown> = (payload: Payload, ctx: JobContext) => Result | Promise<Result>;

/** A function of the form `export default { fetch }`. `env` has the plain variables and each secret by its name. */
export interface FetchHandler {
  /** Answers one request. */
  fetch(request: Request, env: Readonly<Record<string, string>>, ctx: Context): unknown;
}

/** The name has no secret in any scope that this workload sees. */
export class SecretNotFoundError extends Error {
  constructor(secret: string);
  /** The secret's name. */
  readonly secret: string;
}

/** The secret's time is over. Neither a default nor a fallback stands in for it. */
export class SecretExpiredError extends Error {
  constructor(secret: string);
  /** The secret's name. */
  readonly secret: string;
}

/** The secret is declared, but nobody has given it a value yet. */
export class SecretWithoutValueError extends Error {
  constructor(secret: string);
  /** The secret's name. */
  readonly secret: string;
}

/** The global `secrets`. */
export const secrets: Secrets;
