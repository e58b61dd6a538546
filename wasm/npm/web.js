// The entry for browsers and bundlers: the module is fetched from beside this file at the first call.

import { usePlatform } from "./lib/api.js";

export * from "./lib/public.js";

async function load() {
  const response = await fetch(new URL("./lib/lakekey_bg.wasm", import.meta.url));
  return WebAssembly.compile(await response.arrayBuffer());
}

usePlatform({ load });
