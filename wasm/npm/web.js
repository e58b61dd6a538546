// The entry for browsers and bundlers: the module is fetched from beside this file at the first call.

import { leftBehind, usePlatform } from "./lib/index.js";

export * from "./lib/public.js";

async function load() {
  try {
    const response = await fetch(new URL("./lakekey.wasm", import.meta.url));
    return await WebAssembly.compile(await response.arrayBuffer());
  } catch {
    throw leftBehind();
  }
}

usePlatform({ load });
