// The entry for `import` where a bundler puts a program for Node together: it follows imports alone.

import * as fs from "node:fs";
import { join } from "node:path";
import process from "node:process";

import lib from "./lib/index.cjs";

function load() {
  try {
    return fs.readFileSync(new URL("./lakekey.wasm", import.meta.url));
  } catch {
    // In a bundle of CommonJS, `import.meta.url` is not there and `__dirname` is.
  }
  try {
    return fs.readFileSync(join(__dirname, "lakekey.wasm"));
  } catch {
    throw lib.leftBehind();
  }
}

lib.usePlatform(lib.nodeParts({ fs, process, load, childProcess: () => import("node:child_process") }));

export const {
  LakekeyError,
  check,
  doctor,
  matrix,
  plan,
  provision,
  revoke,
  rotate,
  sealSecret,
  status,
} = lib;
