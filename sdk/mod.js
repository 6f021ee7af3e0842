// What `@strongroom/functions` is at run time: a mark for functions, and names for the globals that every worker has.
// Bundled into each function that imports it. The types are in mod.d.ts.
// @ts-self-types="./mod.d.ts"

/** Marks `definition` as a function; to be exported as the module's default. */
export function defineFunction(definition) {
  return Object.assign({}, definition, { [Symbol.for("strongroom.function")]: true });
}

export const { secrets, SecretNotFoundError, SecretExpiredError, SecretWithoutValueError } = globalThis;
