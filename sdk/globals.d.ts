// The globals of the function runtime, for editors: `/// <reference types="@strongroom/functions/globals" />`.

import * as functions from "./mod.js";

declare global {
  /** Reads secrets. */
  var secrets: functions.Secrets;
  /** The name has no secret in any scope that this workload sees. */
  var SecretNotFoundError: typeof functions.SecretNotFoundError;
  /** The secret's time is over. */
  var SecretExpiredError: typeof functions.SecretExpiredError;
  /** The secret is declared, but nobody has given it a value yet. */
  var SecretWithoutValueError: typeof functions.SecretWithoutValueError;
}
