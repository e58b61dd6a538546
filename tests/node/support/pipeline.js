// Runs a pipeline of Azure Pipelines as far as the examples need: templates of steps, bash steps, conditions,
// variables.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";

import { FAILSAFE_SCHEMA, load } from "js-yaml";

import { Agent } from "./agent.js";
import { run } from "./package.js";

/** Reads YAML as Azure Pipelines does, to which every scalar is text. */
const read = (path) => load(readFileSync(path, "utf8"), { schema: FAILSAFE_SCHEMA });

function valuesOf(declared = [], given = {}) {
  for (const name of Object.keys(given))
    assert.ok(
      declared.some((parameter) => parameter.name === name),
      `there is no parameter ${name}`,
    );
  return Object.fromEntries(
    declared.map(({ name, type, default: otherwise, values }) => {
      const value = given[name] ?? otherwise;
      if (values) assert.ok(values.includes(value), `${name} is one of ${values}`);
      return [name, type === "boolean" ? { true: "True", false: "False" }[value.toLowerCase()] : value];
    }),
  );
}

/** Fills in `${{ parameters.NAME }}` and `${{ insert }}`. */
function expand(node, parameters) {
  const valueOf = (name) => {
    assert.ok(Object.hasOwn(parameters, name), `there is no parameter ${name}`);
    return parameters[name];
  };
  if (typeof node === "string") {
    const whole = /^\$\{\{ parameters\.(\w+) \}\}$/.exec(node);
    return whole
      ? valueOf(whole[1])
      : node.replace(/\$\{\{ parameters\.(\w+) \}\}/g, (_, name) => valueOf(name));
  }
  if (Array.isArray(node)) return node.flatMap((item) => given(item, parameters) ?? [expand(item, parameters)]);
  if (typeof node !== "object" || node === null) return node;
  return Object.assign(
    {},
    ...Object.entries(node).map(([key, value]) =>
      key === "${{ insert }}" ? expand(value, parameters) : { [key]: expand(value, parameters) },
    ),
  );
}

/** Returns the items that stand under `${{ if ne(parameters.NAME, '') }}`; undefined for any other item. */
function given(item, parameters) {
  const [[key, items] = []] = typeof item === "object" && item !== null ? Object.entries(item) : [];
  const condition = /^\$\{\{ if ne\(parameters\.(\w+), ''\) \}\}$/.exec(key ?? "");
  if (!condition) return undefined;
  return parameters[condition[1]] === "" ? [] : expand(items, parameters);
}

/** Returns the service connections that tasks name, whether they run or not. */
export const connectionsOf = (steps) =>
  steps.map(({ task, inputs }) => task && inputs?.azureSubscription).filter(Boolean);

/** Returns the steps of a file with its templates put in. */
export function stepsOf(path, given) {
  const { parameters: declared, steps } = read(path);
  return expand(steps, valuesOf(declared, given)).flatMap((step) =>
    step.template ? stepsOf(join(dirname(path), step.template), step.parameters) : [step],
  );
}

/** Decides a condition. */
function holds(condition, variables, succeeded) {
  const functions = {
    and: (...all) => all.every(Boolean),
    in: (value, ...known) => known.includes(value),
    succeeded: () => succeeded,
  };
  const tokens = condition.match(/variables\['[^']+'\]|'[^']*'|\w+|[(),]/g);
  const next = () => {
    const token = tokens.shift();
    if (token.startsWith("variables[")) return variables.get(token.slice(11, -2)) ?? "";
    if (token.startsWith("'")) return token.slice(1, -1);
    assert.ok(functions[token], `the condition calls ${token}`);
    const values = [];
    tokens.shift();
    while (tokens[0] !== ")") {
      values.push(next());
      if (tokens[0] === ",") tokens.shift();
    }
    tokens.shift();
    return functions[token](...values);
  };
  return next();
}

/** Runs the steps in a folder; resolves to the agent, and what became of each step by its display name. */
export async function runPipeline(steps, { cwd, env, variables: predefined }) {
  const agent = new Agent();
  for (const [name, value] of Object.entries(predefined)) agent.variables.set(name, value);
  const outcomes = {};
  let succeeded = true;
  for (const { bash, name, displayName, condition = "succeeded()", env: mapped = {} } of steps) {
    if (bash === undefined) continue;
    if (!holds(condition, agent.variables, succeeded)) {
      outcomes[displayName] = "skipped";
      continue;
    }
    const filled = (text) =>
      text.replace(/\$\(([\w.]+)\)/g, (macro, variable) => agent.variables.get(variable) ?? macro);
    // All but the secret ones are environment of every step.
    const open = [...agent.variables]
      .filter(([, value]) => !agent.secrets.has(value))
      .map(([key, value]) => [key.toUpperCase().replaceAll(".", "_"), value]);
    const own = Object.fromEntries(Object.entries(mapped).map(([key, value]) => [key, filled(value)]));
    const whole = { PATH: process.env.PATH, ...env, ...Object.fromEntries(open), ...own };
    const done = await run("bash", ["--noprofile", "--norc", "-c", filled(bash)], { cwd, env: whole }).catch(
      (error) => error,
    );
    agent.read(done, name);
    const failed = Boolean(done.code) || agent.results.includes("Failed");
    succeeded &&= !failed;
    outcomes[displayName] = failed ? "failed" : "succeeded";
  }
  return { agent, outcomes };
}
