// The same on Node, Deno and Bun: around the instance that `require` gives too.

import lib from "./lib/index.cjs";

export const {
  init,
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
