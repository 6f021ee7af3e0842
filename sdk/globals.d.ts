// The globals of the function runtime, for editors: `/// <reference types="@strongroom/functions/globals" />`.

import type { Secrets } from "./mod.ts";

declare global {
  /** Reads secrets. */
  const secrets: Secrets;
}
