// The entry for programs that bring the module along: bundles that inline it, platforms without a file
// system.

export { init } from "./lib/index.js";
export * from "./lib/public.js";
