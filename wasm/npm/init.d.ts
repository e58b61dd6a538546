/** The same functions for programs that bring the module along; call `init` once before all else. */

export * from "./index.js";

/**
 * Starts the module with a `WebAssembly.Module`, its bytes or a `Response`.
 *
 * @throws {import("./index.js").LakekeyError} what cannot be started
 * @example
 * await init(fetch(new URL("lakekey.wasm", import.meta.url)));
 */
export function init(module: any): Promise<void>;
