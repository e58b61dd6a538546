// The entry for `import` on Node, Deno and Bun: around the instance that `require` gives too, so that a program of
// both has one class of errors and one module.

import { createRequire } from "node:module";

// An import of CommonJS would take Node five times as long.
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
} = createRequire(import.meta.url)("./node.cjs");
