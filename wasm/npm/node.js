// The entry for Node, Deno and Bun: the module lies beside this file, the environment is the process's.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

import { leftBehind, usePlatform } from "./lib/index.js";

export * from "./lib/public.js";

function load() {
  try {
    return readFileSync(new URL("./lakekey.wasm", import.meta.url));
  } catch {
    // In a bundle of CommonJS, `import.meta.url` is not there and `__dirname` is.
  }
  try {
    return readFileSync(join(__dirname, "lakekey.wasm"));
  } catch {
    throw leftBehind();
  }
}

/**
 * Runs the Azure CLI without a shell. What it prints may be a token, so that a failure tells of its
 * complaints alone; the core picks the line that says why.
 */
function azureCli(args) {
  // Asked for here, since it takes a tenth of the package's start and is seldom needed.
  const { execFile } = process.getBuiltinModule("node:child_process");
  return new Promise((resolve, reject) => {
    execFile(
      "az",
      args,
      { encoding: "buffer", timeout: 60_000, shell: process.platform === "win32" },
      (error, stdout, stderr) => {
        if (!error) return resolve(stdout);
        error.reason = stderr.toString("utf8").slice(0, 16_384);
        reject(error);
      },
    );
  });
}

usePlatform({
  load,
  defaults: () => ({ env: process.env, readFile: (path) => readFileSync(path), azureCli }),
});
