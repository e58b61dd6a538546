// Makes the declarations that follow from the core's own shapes: node declarations.js FOLDER < shapes.json
// writes config.d.ts (the configuration) and codes.d.ts (error codes and steps) there.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { text } from "node:stream/consumers";

import { compile } from "json-schema-to-typescript";

const MADE = "// Made by script/declarations from the core's own shapes: do not edit.\n";

/**
 * Wraps a reference that has a text of its own, of which the compiler would otherwise make a type of its own.
 * Its default says nothing about its type, and the compiler would take it to.
 */
function referring(node) {
  if (Array.isArray(node)) return node.map(referring);
  if (node === null || typeof node !== "object") return node;
  const walked = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, referring(value)]));
  const { $ref, default: _, ...rest } = walked;
  if (!$ref) return walked;
  return Object.keys(rest).length > 0 ? { ...rest, allOf: [{ $ref }] } : { $ref };
}

const UNITS = ["s", "sec", "m", "min", "h", "d", "w"];
const WORDS = ["second", "minute", "hour", "day", "week"].flatMap((word) => [word, `${word}s`]);
const oneOf = (words) => words.map((word) => JSON.stringify(word)).join(" | ");
/** The scopes that are suggested; any other text is taken too. */
const SCOPES = ["sql", "unity-catalog", "scim", "authentication", "access-management", "workspace", "jobs", "clusters", "files", "secrets", "all-apis"];

/** What TypeScript can say and a schema cannot, or not so well. */
const TYPES = {
  SecretRef: "{ env: string; file?: undefined } | { file: string; env?: undefined }",
  Duration: `\`\${number}\${${oneOf(UNITS)}}\` | \`\${number} \${${oneOf(WORDS)}}\``,
  Adopt: '"none" | "all" | string[]',
  Scopes: '"inherit" | "all" | "auto" | ScopeName[]',
  TokenScopes: "ScopeName[] | null",
};

/** Gives the types that are written by hand to the compiler. */
function typed(schema) {
  const $defs = Object.fromEntries(
    Object.entries(schema.$defs).map(([name, shape]) => [
      name,
      TYPES[name] ? { description: shape.description, tsType: TYPES[name] } : shape,
    ]),
  );
  const version = { ...schema.properties.version, tsType: "1" };
  return { ...schema, $defs, properties: { ...schema.properties, version } };
}

/** Takes lists that nobody may change too, such as those of `as const`. */
const readonly = (declarations) => declarations.replace(/(?<![.\w])((?:[A-Z]\w*|string|number)\[\])/g, "readonly $1");

/** Has a text of one line stand on one line. */
const brief = (declarations) => declarations.replace(/\/\*\*\n\s*\* (.*)\n\s*\*\//g, "/** $1 */");

const union = (words) => words.map((word) => `\n  | ${JSON.stringify(word)}`).join("");

const folder = process.argv[2];
const { schema, codes, steps } = JSON.parse(await text(process.stdin));
const config = await compile({ ...referring(typed(schema)), title: "Config" }, "Config", {
  bannerComment: MADE,
  additionalProperties: false,
  style: { printWidth: 140 },
});
const scopes = `
/** Names a scope; others than those that are suggested are taken too. */
export type ScopeName = ${oneOf(SCOPES)} | (string & {});
`;
writeFileSync(join(folder, "config.d.ts"), `${readonly(brief(config))}${scopes}`);
writeFileSync(
  join(folder, "codes.d.ts"),
  `${MADE}
/** Names what went wrong; each has an anchor in the project's docs/troubleshooting.md. */
export type Code =${union(codes)};

/** Names the step of the procedure in which something happened. */
export type Step =${union(steps)};
`,
);
