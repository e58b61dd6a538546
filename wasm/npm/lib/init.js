// Starting with a module that the program brings along.

import { start } from "./api.js";
import { usage } from "./errors.js";

/** Starts the module with a `WebAssembly.Module`, its bytes, a `Response`, or a promise of one of them. */
export async function init(module) {
  const given = await module;
  try {
    start(typeof Response === "function" && given instanceof Response ? await given.arrayBuffer() : given);
  } catch (error) {
    throw usage(
      `what init was given could not be started: ${error?.message}`,
      'give it a `WebAssembly.Module`, the bytes, or `fetch(url)` (see "Bundles" in the package\'s README)',
    );
  }
}
