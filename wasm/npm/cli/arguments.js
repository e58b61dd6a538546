// The command line, which is the binary's: commands.json is the table that both are compared with.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { help, helpOf, label } from "./help.js";

const { usage } = createRequire(import.meta.url)("../lib/index.cjs");

const read = JSON.parse(readFileSync(new URL("./commands.json", import.meta.url), "utf8"));
const resolved = (option) =>
  typeof option === "string" ? read.shared.find(({ name }) => name === option) : option;

/** The table with every command's options in full. */
export const TABLE = {
  ...read,
  commands: read.commands.map((command) => ({
    ...command,
    options: command.options.map(resolved).filter((option) => command.binary || !option.binary),
  })),
};

const OPTIONS = TABLE.commands.flatMap(({ options }) => options);
/** What to do where the line is wrong and nothing more particular is known. */
export const HINT = "see `lakekey --help`";

/** Makes the error of a line that is wrong, in the binary's words; `said` is what a person reads. */
function wrong(message, said = `error: ${message}\n\nFor more information, try '--help'.`) {
  return Object.assign(usage(message.replace(/\n\s*/g, " "), HINT), { said });
}

const unexpected = (word) => wrong(`unexpected argument '${word}' found`);
const isOption = (word) => word.length > 1 && word.startsWith("-");
const asksForHelp = (word) => word === "-h" || word === "--help";
/** Of `--name=value` the name, of `-xyz` the first letter. */
const nameIn = (word) => (word.startsWith("--") ? word.split("=", 1)[0] : word.slice(0, 2));

/** Whether an option is the one that a word names. */
const isNamed = ({ name, short }, word) => nameIn(word) === `--${name}` || (short && nameIn(word) === `-${short}`);
/** Whether an option stands alone, without a value. */
const takesNone = ({ kind }) => kind === "flag" || kind === "count";

/** Moves options that stand before the command behind it, where they are defined. */
function optionsLast(words) {
  let at = 0;
  while (isOption(words[at] ?? "")) {
    const option = OPTIONS.find((known) => isNamed(known, words[at]));
    if (!option) break;
    const standsAlone = takesNone(option) || words[at].includes("=");
    at += 1;
    if (!standsAlone && at < words.length && !isOption(words[at])) at += 1;
  }
  const [name, ...rest] = words.slice(at);
  return name === undefined || isOption(name) ? words.slice(at) : [name, ...words.slice(0, at), ...rest];
}

/** Says why a text is no such number, as the binary does; nothing where it is one. */
function notANumber(text, [least, most]) {
  if (text === "") return "cannot parse integer from empty string";
  if (!/^[+-]?\d+$/.test(text)) return "invalid digit found in string";
  const number = Number(text);
  if (number >= least && number <= most) return undefined;
  return Number.isSafeInteger(number)
    ? `${number} is not in ${least}..=${most}`
    : "number too large to fit in target type";
}

const among = (values) => `\n  [possible values: ${values.join(", ")}]`;

/** Returns the value that a text stands for; throws where it is none. */
function valueOf(option, text) {
  const invalid = (why) => wrong(`invalid value '${text}' for '${label(option)}'${why}`);
  switch (option.kind) {
    case "flag":
      // Of a variable: on the line, a flag has no value.
      if (text !== "true" && text !== "false") throw invalid(among(["true", "false"]));
      return text === "true";
    case "choice":
      if (!option.of.includes(text)) throw invalid(among(option.of));
      return text;
    case "number": {
      const why = notANumber(text, option.range);
      if (why) throw invalid(`: ${why}`);
      return Number(text);
    }
    case "list":
      return text.split(",");
    default:
      return text;
  }
}

/**
 * Reads the words behind the command; resolves to the values by name, in the order of the line, or to nothing
 * for help.
 */
function given(command, words) {
  const values = new Map();
  for (let at = 0; at < words.length; at += 1) {
    let word = words[at];
    if (word === "--" && at + 1 === words.length) break;
    if (word === "--") throw unexpected(words[at + 1]);
    if (asksForHelp(word)) return undefined;
    const option = isOption(word) && command.options.find((known) => isNamed(known, word));
    if (!option) throw unexpected(isOption(word) ? nameIn(word) : word);
    const { name, kind } = option;
    if (!word.startsWith("--") && word.length > 2) {
      // Of `-vv` each letter is an option.
      words.splice(at + 1, 0, `-${word.slice(2)}`);
      word = word.slice(0, 2);
    }
    const inline = word.includes("=") ? word.slice(word.indexOf("=") + 1) : undefined;
    if (kind === "count") {
      values.set(name, (values.get(name) ?? 0) + 1);
      continue;
    }
    if (kind === "flag" && inline !== undefined)
      throw wrong(`unexpected value '${inline}' for '${label(option)}' found; no more were expected`);
    if (kind !== "flag" && inline === undefined) at += 1;
    const text = kind === "flag" ? "true" : inline ?? words[at];
    if (text === undefined || (inline === undefined && isOption(text)))
      throw wrong(`a value is required for '${label(option)}' but none was supplied`);
    if (values.has(name) && kind !== "list")
      throw wrong(`the argument '${label(option)}' cannot be used multiple times`);
    values.set(
      name,
      kind === "list" ? [...(values.get(name) ?? []), ...valueOf(option, text)] : valueOf(option, text),
    );
  }
  return values;
}

/** Of options that exclude each other, one is given. */
function checkOneOf(command, values) {
  const of = command["one-of"];
  if (!of) return;
  const labelOf = (name) => label(command.options.find((option) => option.name === name));
  const [first, ...others] = [...values.keys()].filter((name) => of.includes(name));
  if (first === undefined)
    throw wrong(`the following required arguments were not provided:\n  <${of.map(labelOf).join("|")}>`);
  if (others.length === 0) return;
  const labels = others.map(labelOf);
  const listed = labels.length === 1 ? ` '${labels[0]}'` : `:\n  ${labels.join("\n  ")}`;
  throw wrong(`the argument '${labelOf(first)}' cannot be used with${listed}`);
}

function commandNamed(name) {
  const command = TABLE.commands.find((known) => known.name === name);
  if (!command) throw wrong(`unrecognized subcommand '${name}'`);
  if (command.binary) throw wrong(`\`${name}\` is a command of the native binary`);
  return command;
}

/** Returns the command's name where the line has one that is known. */
export function commandIn(words) {
  const [name] = optionsLast(words);
  return TABLE.commands.find((known) => known.name === name)?.name;
}

/** Returns whether a program reads the answer, which is known before the line is. */
export function asksForJson(words, env) {
  const end = words.indexOf("--");
  return words.slice(0, end < 0 ? undefined : end).includes("--json") || env.LAKEKEY_JSON === "true";
}

/** Returns `{help}` with its text, `{version}` or `{command, values}`; throws where the line is wrong. */
export function parse(words, env) {
  const [name, ...rest] = optionsLast(words);
  if (name === undefined || (name === "--" && rest.length === 0))
    throw wrong("a command is missing", help(TABLE));
  if (asksForHelp(name)) return { help: help(TABLE) };
  if (name === "-V" || name === "--version") return { version: true };
  if (isOption(name)) throw unexpected(name === "--" ? rest[0] : nameIn(name));
  const command = commandNamed(name);
  if (name === "help") {
    if (rest.length > 1) throw wrong(`unrecognized subcommand '${rest[1]}'`);
    return { help: rest.length === 0 ? help(TABLE) : helpOf(commandNamed(rest[0])) };
  }
  const values = given(command, rest);
  if (!values) return { help: helpOf(command) };
  // A variable that is empty counts as one that is not set: a pipeline cannot leave one out.
  for (const option of command.options) {
    if (option.env && env[option.env] && !values.has(option.name))
      values.set(option.name, valueOf(option, env[option.env]));
  }
  checkOneOf(command, values);
  if (values.get("quiet") && values.has("verbose"))
    throw wrong("the argument '--verbose...' cannot be used with '--quiet'");
  const unset = { flag: false, count: 0, list: [] };
  return {
    command: name,
    values: Object.fromEntries(
      command.options.map((option) => [
        option.name,
        values.get(option.name) ?? option.default ?? unset[option.kind],
      ]),
    ),
  };
}
