// Makes of wasm-bindgen's glue, which is one module with one instance, a function that makes an instance each time:
// node glue.js lakekey.js > glue.js. After a trap an instance is of no use any more, and the next run needs another.

import { readFileSync } from "node:fs";
import process from "node:process";

const source = readFileSync(process.argv[2], "utf8");

/** Replaces, and fails where there is nothing to replace: then the generator writes something else now. */
function replaced(text, pattern, by) {
  if (!pattern.test(text)) throw new Error(`the generated glue has no ${pattern}`);
  return text.replace(pattern, by);
}

const names = [...source.matchAll(/^export (?:function|class) (\w+)/gm)].map(([, name]) => name);
let body = replaced(source, /^export (?=function|class)/gm, "");
body = replaced(body, /^export \{ initSync, .*\};$/m, "");
// What the module is called with later runs outside of every call: what it throws there ends the instance.
body = replaced(body, /queueMicrotask\(arg0\);/g, "queueMicrotask(() => guarded(arg0));");
body = replaced(
  body,
  /const ret = (arg0\.then\(.*\));/g,
  "const ret = $1;\n            ret.catch(trapped);",
);
process.stdout.write(`/** Makes an instance; \`trapped\` is told what the module throws outside of a call. */
export function glue(trapped) {
const guarded = (call) => {
  try {
    call();
  } catch (error) {
    trapped(error);
  }
};
${body}
return { initSync, ${names.join(", ")} };
}
`);
