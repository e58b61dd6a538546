/** The same functions for programs that bring the module along; call `init` once before all else. */

export * from "./index.js";

/** Starts the module with a `WebAssembly.Module`, its bytes or a `Response`. */
export function init(module: any): Promise<void>;
