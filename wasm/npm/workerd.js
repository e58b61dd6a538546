// The entry for workerd, which compiles modules before it runs anything.

import module from "./lakekey.wasm";

import { usePlatform } from "./lib/index.js";

export * from "./lib/public.js";

usePlatform({ load: () => module });
