// The entry for Node, Deno and Bun: the module lies beside this file, the environment is the process's.

import { closeSync, existsSync, fstatSync, openSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

import { azureCliOf, leftBehind, usePlatform } from "./lib/index.js";

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

/** The largest file that is read as a secret, in bytes. */
const LARGEST = 1024 * 1024;

/**
 * Reads a secret from a regular file, after links: a pipe or a device would make a run wait for something that
 * may never come.
 */
function readSecret(path) {
  const refuse = (why) => {
    throw Object.assign(new Error(why), { code: why });
  };
  const check = (found) => {
    if (!found.isFile()) refuse("it is no regular file");
    if (found.size > LARGEST) refuse("it is larger than 1024 KiB");
  };
  // Before it is opened, since opening a pipe waits; and after, since a name can change what it means.
  check(statSync(path));
  const file = openSync(path, "r");
  try {
    check(fstatSync(file));
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

/**
 * Runs the Azure CLI without a shell. What it prints may be a token, so that a failure tells of its
 * complaints alone; the core picks the line that says why.
 */
function azureCli(args) {
  // Asked for here, since it takes a tenth of the package's start and is seldom needed.
  const { execFile } = process.getBuiltinModule("node:child_process");
  const { environment, program } = azureCliOf(process.platform, process.env, existsSync);
  if (!program) return Promise.reject(Object.assign(new Error(), { code: "ENOENT" }));
  const [file, ...first] = program;
  return new Promise((resolve, reject) => {
    execFile(
      file,
      [...first, ...args],
      { encoding: "buffer", timeout: 60_000, env: environment },
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
  defaults: () => ({ env: process.env, readFile: readSecret, azureCli }),
});
