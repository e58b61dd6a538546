// Makes docs/configuration.md from the JSON Schema: node configuration.js FILE < shapes.json

import { writeFileSync } from "node:fs";
import process from "node:process";
import { text } from "node:stream/consumers";

const { schema } = JSON.parse(await text(process.stdin));
const defs = schema.$defs;
const WIDTH = 110;

/** Where each section of the schema stands in a configuration, in the order of the page. */
const PLACES = [
  ["TargetDocument", "A target", "an item of `targets`"],
  ["PrincipalDocument", "principal", "`principal` of a target, and of `defaults`"],
  ["TokenDocument", "token", "`token` of a target, and of `defaults`"],
  ["SecretDocument", "client-secret, oauth-secret", "`client-secret` and `oauth-secret` of a target"],
  ["FederatedCredential", "federated-credential", "`federated-credential` of a target"],
  ["Auth", "auth, admin, directory, azure", "`auth`, `admin` and `directory` of a target, `auth` of `defaults` and of a place, and `azure`"],
  ["SinkConfig", "deliver", "an item of `deliver`, of a target or of its `client-secret` and `oauth-secret`"],
  ["GithubSignIn", "github", "`github`"],
  ["Defaults", "defaults", "`defaults`"],
  ["Endpoints", "endpoints", "`endpoints`"],
  ["Notify", "notify", "an item of `notify`"],
  ["Heartbeat", "heartbeat", "`heartbeat`"],
  ["SecretRef", "A secret", "every key that takes a secret"],
];
const titles = new Map(PLACES.map(([name, title]) => [name, title]));
const anchor = (title) => title.toLowerCase().replace(/[^a-z0-9 -]/g, "").replaceAll(" ", "-");
const linked = (name) => `[${titles.get(name)}](#${anchor(titles.get(name))})`;
/** What the table says of a type that has no section. */
const WORDS = { Duration: "a duration", Adopt: "`none`, `all` or a list of ids", Scopes: "a word or a list", TokenScopes: "a list", GroupRef: "a number or a name" };

const named = ({ $ref }) => $ref?.split("/").at(-1);
const isNull = ({ type }) => type === "null";

/** Says in words what a key takes. */
function takes(shape) {
  const name = named(shape);
  if (name) {
    if (titles.has(name)) return linked(name);
    if (WORDS[name]) return WORDS[name];
    return choice(defs[name]) ?? takes(defs[name]);
  }
  if (shape.anyOf) return takes(shape.anyOf.find((one) => !isNull(one)));
  if (shape.enum) return choice(shape);
  const type = [shape.type].flat().find((one) => one !== "null");
  if (type === "array") return `a list: ${takes(shape.items)}`;
  return { string: "text", integer: "a number", boolean: "`true` or `false`", object: "texts by name" }[type] ?? "text";
}

/** Lists the words that a type has. */
function choice({ enum: words, oneOf }) {
  const all = words ?? oneOf?.map((one) => one.const).filter(Boolean);
  return all?.length ? all.map((word) => `\`${word}\``).join(", ") : undefined;
}

/** Finds what holds where a key is left out: the schema's own word, or what the sentence says. */
function fallback(shape, required) {
  if (required) return "needed";
  if (shape.default !== undefined && shape.default !== null) return plain(shape.default);
  const words = shape.description ?? "";
  const marked = words.match(/(`[^`]+`) \(default\)/) ?? words.match(/default (`[^`]+`)/);
  if (marked) return marked[1];
  const said = words.match(/; ([^;]+?),? by default/) ?? words.match(/; by default ([^;]+)\.$/);
  return said ? said[1].trim() : "–";
}

const plain = (value) => {
  const words = Array.isArray(value) ? `[${value.join(", ")}]` : String(value);
  return words === "[]" ? "none" : `\`${words}\``;
};

/** Writes a value as YAML that fits into a line. */
function flow(value) {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (value !== null && typeof value === "object")
    return `{${Object.entries(value).map(([key, one]) => `${key}: ${flow(one)}`).join(", ")}}`;
  return typeof value === "string" && /^$|[:#{}[\],&*!|>'"%@`]|^[-?\s]|\s$/.test(value) && !/^https?:\/\/\S+$/.test(value)
    ? JSON.stringify(value)
    : String(value);
}

/** Returns what may stand at a key. */
function example(shape) {
  if (shape.examples) return shape.examples[0];
  if (shape.const) return shape.const;
  const name = named(shape);
  if (name === "Duration") return "90d";
  if (name === "SecretRef") return { env: "NAME" };
  if (name === "Auth" || name === "GithubSignIn") return { type: name === "Auth" ? "azure-cli" : "app", ...(name === "Auth" ? {} : { "app-id": 12345, "private-key": { env: "NAME" } }) };
  if (name) {
    const words = defs[name].enum ?? defs[name].oneOf?.map((one) => one.const).filter(Boolean);
    return words?.length ? words[0] : undefined;
  }
  if (shape.anyOf) return example(shape.anyOf.find((one) => !isNull(one)));
  if ([shape.type].flat().includes("boolean")) return true;
  return undefined;
}

const cell = (words) => words.replaceAll("\n", " ").replaceAll("|", "\\|").trim();

function table({ properties, required = [] }) {
  const rows = Object.entries(properties)
    .filter(([, shape]) => shape.const === undefined)
    .sort(([a], [b]) => required.includes(b) - required.includes(a));
  if (rows.length === 0) return ["It takes no further key.", ""];
  const lines = ["| key | what it is | takes | default | example |", "|---|---|---|---|---|"];
  for (const [key, shape] of rows) {
    const value = example(shape);
    const shown = value === undefined ? "see there" : `\`${flow(value)}\``;
    lines.push(`| \`${key}\` | ${cell(shape.description)} | ${cell(takes(shape))} | ${cell(fallback(shape, required.includes(key)))} | ${cell(shown)} |`);
  }
  return [...lines, ""];
}

function wrapped(words) {
  const lines = [];
  let line = "";
  for (const word of words.split(/\s+/)) {
    if (line && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line ? `${line} ${word}` : word;
  }
  return [...lines, line];
}

/** The shortest of its kind: what must stand there, as YAML. */
function shortest(shape) {
  const all = Object.entries(shape.properties ?? {});
  const needed = all.filter(([key]) => shape.required?.includes(key));
  // The type first, as people write it.
  needed.sort(([a], [b]) => (b === "type") - (a === "type"));
  return Object.fromEntries(needed.map(([key, one]) => [key, example(one)]).filter(([, value]) => value !== undefined));
}

const lines = [
  "# The configuration, key by key",
  "",
  ...wrapped(
    "Made by `script/declarations` from the same shapes that read a configuration: do not edit. Editors read them as [lakekey.schema.json](lakekey.schema.json), and `lakekey schema` prints them. `lakekey init` writes a first configuration, and `lakekey check` says what is wrong with one.",
  ),
  "",
  ...wrapped(
    "A duration is a number with `s`, `m`, `h`, `d` or `w`, such as `90d`, or with the word, such as `90 days`. A number may be quoted. A key that is not listed here is refused.",
  ),
  "",
  "## The document",
  "",
  ...table(schema),
];
for (const [name, title, place] of PLACES) {
  const section = defs[name];
  lines.push(`## ${title}`, "", ...wrapped(`This is ${place}.`), "", ...wrapped(cell(section.description ?? "")), "");
  if (!section.oneOf) {
    lines.push(...table(section));
    continue;
  }
  for (const shape of section.oneOf) {
    const type = shape.properties.type.const;
    lines.push(`### ${title.split(",")[0]}: ${type}`, "", ...wrapped(cell(shape.description ?? "")), "");
    lines.push(`The shortest: \`${flow(shortest(shape))}\``, "", ...table(shape));
  }
}
writeFileSync(process.argv[2], `${lines.join("\n").trimEnd()}\n`);
