// The command line: what the binary does, where Node is and no binary.

import { Buffer } from "node:buffer";
import { createReadStream, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { createRequire } from "node:module";
import process from "node:process";

import "../node.js";
import { HINT, asksForJson, commandIn, parse } from "./arguments.js";
import { Masks } from "./masks.js";
import { Pipelines, harmless, harmlessJson } from "./pipelines.js";
import { errors, eventLine, failure, isCalm, levelOf, printable, render, telling } from "./text.js";

const lib = createRequire(import.meta.url)("../lib/index.cjs");
const { LakekeyError, check, execute, matrix, usage, withClientId, withoutClientId } = lib;

/** The largest configuration, in bytes, and how long a pipe may take that it comes from, in milliseconds. */
const LARGEST = 16 * 1024 * 1024;
const PATIENCE = 10_000;

/** Reads a file, a pipe such as that of a process substitution, or standard input as `-`. */
async function read(path) {
  const unreadable = (why) =>
    new LakekeyError({
      code: "config-unreadable",
      class: "configuration",
      key: path,
      message: `the configuration cannot be read: ${why}`,
      hint: "check that the file exists, is UTF-8 text and is smaller than 16 MiB",
    });
  const source = path === "-" ? process.stdin : createReadStream(path);
  const late = setTimeout(() => source.destroy(unreadable("it did not end within 10 s")), PATIENCE);
  const parts = [];
  let size = 0;
  try {
    for await (const part of source) {
      parts.push(part);
      size += part.length;
      if (size > LARGEST) throw unreadable("it is larger than 16384 KiB");
    }
  } catch (error) {
    throw error instanceof LakekeyError ? error : unreadable(error.code);
  } finally {
    clearTimeout(late);
  }
  return Buffer.concat(parts);
}

/** Returns an error in the form that it has in a report. */
const inReport = ({ code, class: kind, step, text, hint, requestId = null, key, line, column }) => ({
  code,
  class: kind,
  step,
  message: text,
  hint,
  "request-id": requestId,
  key,
  line,
  column,
});

/** What happened and what to do, in one line. */
const advice = ({ message, hint }) => printable([message, hint].filter(Boolean).join(": "));

/** Writes a document; a pipeline must not read a command in it. */
const json = (stdout, pipelines, document, indent) => {
  const text = JSON.stringify(document, null, indent);
  stdout.write(`${pipelines ? harmlessJson(text) : text}\n`);
};

/** Node's fetch passes a proxy by unless told; saying so saves an hour of search. */
function proxyNotice(env) {
  const proxy = env.HTTPS_PROXY || env.https_proxy;
  if (!proxy || env.NODE_USE_ENV_PROXY === "1" || process.execArgv.includes("--use-env-proxy"))
    return undefined;
  return "HTTPS_PROXY is set, and Node honours it only with NODE_USE_ENV_PROXY=1 (Node 22.21, 24.5 and later)";
}

/** Runs a command line and returns the exit status. */
export async function main(
  args,
  { env = process.env, stdout = process.stdout, stderr = process.stderr } = {},
) {
  const pipelines = /^true$/i.test(env.TF_BUILD ?? "")
    ? new Pipelines((line) => stderr.write(`${line}\n`))
    : undefined;
  const masks = new Masks();
  const say = (text) => {
    for (const line of masks.apply(text.replace(/\n$/, "")).split("\n"))
      stderr.write(`${pipelines ? harmless(printable(line)) : printable(line)}\n`);
  };
  const inActions = env.GITHUB_ACTIONS === "true";
  const heard = (value) => {
    for (const line of masks.add(value))
      if (inActions) stderr.write(`::add-mask::${line.replaceAll("%", "%25")}\n`);
    pipelines?.secret(value);
  };
  const result = { write: (text) => stdout.write(masks.apply(text)) };
  const stop = new AbortController();
  const onSignal = () => {
    if (stop.signal.aborted) process.exit(130);
    say("stopping at the next safe point");
    stop.abort();
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  try {
    return await command(args, { env, stdout: result, say, pipelines, heard, signal: stop.signal });
  } catch (error) {
    const known =
      error instanceof LakekeyError
        ? error
        : new LakekeyError({
            code: "internal",
            message: "something failed that never should",
            hint: "this is a defect of lakekey: please report it",
          });
    say(known.said ?? failure(inReport(known)));
    pipelines?.issue("error", known.code, advice(known));
    pipelines?.failed(printable(known.message));
    return known.class === "target" ? 1 : 2;
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

async function command(args, { env, stdout, say, pipelines, heard, signal }) {
  try {
    const { help, version, command: name, values } = parse(args, env);
    if (help) return void stdout.write(help) ?? 0;
    if (version) {
      const { version: number } = JSON.parse(
        readFileSync(new URL("../package.json", import.meta.url), "utf8"),
      );
      stdout.write(`lakekey ${number}\n`);
      return 0;
    }
    if (name === "schema") {
      const schema = readFileSync(new URL("./lakekey.schema.json", import.meta.url), "utf8");
      stdout.write(`${JSON.stringify(JSON.parse(schema), null, 2)}\n`);
      return 0;
    }
    // What the option names and what the variable names is one list.
    const allowed = { ...env, LAKEKEY_ALLOW_HOSTS: values["allow-host"].join(",") };
    if (name === "check") return await checked(values, { env: allowed, stdout, say, pipelines });
    return await serve(name, values, { env: allowed, stdout, say, pipelines, heard, signal });
  } catch (error) {
    // A run that could not begin has a report without targets.
    if (asksForJson(args, env) && error instanceof LakekeyError) {
      json(
        stdout,
        pipelines,
        { version: 1, command: commandIn(args) ?? null, targets: [], error: inReport(error) },
        2,
      );
    }
    throw error;
  }
}

/** Tells every mistake of a configuration, and sends nothing. */
async function checked(values, { env, stdout, say, pipelines }) {
  const text = await read(values.config);
  const found = await check(text, { env, secrets: !values["no-secrets"] });
  const { mistakes, warnings, notes } = found;
  if (values.json) json(stdout, pipelines, found, 2);
  const place = ({ line, column }) => (line ? `${values.config}:${line}:${column}` : values.config);
  if (!values.quiet) for (const { key, message } of notes) say(`note: ${key}: ${message}`);
  for (const error of mistakes) {
    say(failure(error, place(error)));
    pipelines?.issue("error", error.code, `${printable(place(error))}: ${advice(error)}`);
  }
  for (const error of warnings) say(failure(error, place(error)).replace("error", "warning"));
  const count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;
  const warned = warnings.length > 0 ? `, ${count(warnings.length, "warning")}` : "";
  if (mistakes.length > 0) {
    say(`${values.config}: ${count(mistakes.length, "mistake")}${warned}`);
    pipelines?.failed(count(mistakes.length, "mistake"));
    return 2;
  }
  if (!values.json && !values.quiet) stdout.write(`${printable(values.config)}: no mistakes${warned}\n`);
  return 0;
}

/** Writes the page of a report: the binary's, which is packed beside this file. */
function page(path, report) {
  const [before, after] = readFileSync(new URL("./status.html", import.meta.url), "utf8").split(">REPORT</script>");
  // No text of a service ends the element in which it stands.
  const data = JSON.stringify(report).replaceAll("<", "\\u003c");
  try {
    mkdirSync(dirname(path), { recursive: true });
    // Written beside and moved, so that nobody finds half of it.
    writeFileSync(`${path}.new`, `${before}>${data}</script>${after}`);
    renameSync(`${path}.new`, path);
  } catch (error) {
    throw new LakekeyError({
      code: "usage-invalid",
      message: `the page could not be written to ${printable(path)}: ${error.code}`,
      hint: "name a file in a folder that may be written",
    });
  }
}

/** Checks that a revocation names its targets. */
function named({ target: targets }) {
  if (targets.length === 0)
    throw usage("name the target with --target NAME: nothing is revoked for all targets at once", HINT);
}

/**
 * Returns the targets of which a person is to say whether it is meant. Nobody can confirm what was not listed.
 */
function toConfirm({ targets }) {
  const unlisted = new Set(targets.filter(({ error }) => error).map(({ name }) => name));
  const asks = targets.filter((target) => target["confirmation-needed"]).map(({ name }) => name);
  return [...new Set(asks)].filter((name) => !unlisted.has(name));
}

/** Returns the targets for which the doctor has listed requests. */
function offering({ targets }) {
  return targets.filter((target) => target["confirmation-needed"]).map(({ name }) => name);
}

/** Has a person at the terminal answer, until an answer ends it. */
async function asking(act) {
  const { createInterface } = await import("node:readline/promises");
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await act(async () => (await terminal.question("")).trim());
  } finally {
    terminal.close();
  }
}

/** Has a person say that the doctor's requests are meant. */
function agreed(targets, say) {
  return asking(async (answer) => {
    say(`send the requests listed above for ${targets.join(", ")}? [y/N]`);
    return ["y", "yes"].includes((await answer()).toLowerCase());
  });
}

/** Has a person confirm each target by its name. */
function confirmed(targets, say) {
  return asking(async (answer) => {
    for (const target of targets) {
      say(`what is listed above stops working; type ${target} to revoke it:`);
      if ((await answer()) !== target) return false;
    }
    return true;
  });
}

/** Says what provisioning has learnt, or writes it into the configuration. */
async function keep(report, text, { config, write }, { env, say }) {
  const unnamed = await withoutClientId(text, { env });
  const ids = new Map();
  for (const { name, "client-id": id } of report.targets) if (id && unnamed.includes(name)) ids.set(name, id);
  if (ids.size === 0) return;
  if (!write) {
    for (const [target, id] of ids)
      say(`write into the target ${target}, below \`principal\`: client-id: ${id} (\`--write\` does it)`);
    return;
  }
  let written = text;
  for (const [target, id] of ids) written = withClientId(written, target, id);
  try {
    // Written beside and moved, so that nobody finds half of it.
    writeFileSync(`${config}.new`, written);
    renameSync(`${config}.new`, config);
  } catch (error) {
    throw new LakekeyError({
      code: "config-unreadable",
      message: `${config} could not be written: ${error.code}`,
      hint: "write client-id below the target's `principal` by hand",
    });
  }
  for (const [target, id] of ids) say(`wrote client-id: ${id} into the target ${target} of ${config}`);
}

async function serve(name, values, { env, text: known, stdout, say, pipelines, heard, signal }) {
  if (name === "revoke") named(values);
  if (values.write && values.config === "-")
    throw usage("--write takes a file: name the configuration with --config FILE", HINT);
  // Standard input is read once; what is asked about its targets comes after.
  const text = known ?? new TextDecoder("utf-8").decode(await read(values.config));
  const notice = proxyNotice(env);
  if (notice) say(notice);
  if (values.matrix !== undefined) {
    const spread = await matrix(text, {
      env,
      ...(values.target.length > 0 && { targets: values.target }),
      shards: values.matrix,
    });
    json(stdout, pipelines, spread);
    return 0;
  }
  const level = levelOf(env.LAKEKEY_LOG, values);
  const options = {
    env,
    signal,
    fetch: telling(fetch, level, say),
    ...(values.target.length > 0 && { targets: values.target }),
    dryRun: values["dry-run"],
    notify: !values["no-notify"],
    onSecret: heard,
    onEvent: (event) => onEvent(event, level, say, pipelines),
    ...(name === "rotate" && { force: values.force }),
    ...(name === "doctor" && { fix: values.fix, yes: values.yes }),
    ...(name === "revoke" && {
      superseded: values.superseded,
      managed: values.managed,
      all: values.all,
      tokenId: values["token-id"],
      yes: values.yes || values.superseded,
    }),
    // In a pipeline a callback is a variable of that name for the steps that follow.
    ...(pipelines && { sinkOf: (sink) => (value) => pipelines.secretVariable(sink, value) }),
  };
  const taken = ["force", "superseded", "managed", "all", "tokenId", "yes", "fix", "sinkOf"];
  const { exit, report } = await execute(name, text, options, taken);
  if (values.json) json(stdout, pipelines, report, 2);
  else if (!(values.quiet && isCalm(report)))
    stdout.write(`${pipelines ? harmless(render(report)) : render(report)}\n`);
  for (const target of report.targets) {
    for (const [why, place] of errors(target))
      say(failure(why, place ? `${target.name}: ${place}` : target.name));
  }
  const fixes = name === "doctor";
  const asked = fixes ? offering(report) : toConfirm(report);
  if (asked.length > 0 && !values.json && process.stdin.isTTY && process.stderr.isTTY) {
    if (await (fixes ? agreed(asked, say) : confirmed(asked, say))) {
      const confirms = { ...values, target: asked, yes: true };
      const done = await serve(name, confirms, { env, text, stdout, say, pipelines, heard, signal });
      return !fixes && report.targets.some(({ error }) => error) ? Math.max(done, 1) : done;
    }
  }
  let kept = true;
  if (name === "provision" && !values["dry-run"]) {
    try {
      await keep(report, text, values, { env, say });
    } catch (error) {
      // The report stands: what was done was done.
      say(failure(error));
      kept = false;
    }
  }
  if (values.html !== undefined) {
    try {
      page(values.html, report);
    } catch (error) {
      say(failure(inReport(error)));
      kept = false;
    }
  }
  if (pipelines) tell(report, exit, pipelines);
  if (exit !== 0) return exit;
  if (!kept) return 1;
  if (values["exit-code"] && report.targets.some(({ steps = [] }) => steps.some(({ state }) => state === "would")))
    return 3;
  const bad = found(report, values["fail-on"], say, pipelines);
  if (bad === 0) pipelines?.done();
  return bad;
}

function onEvent(event, level, say, pipelines) {
  const line = eventLine(event, level);
  if (line !== undefined) say(line);
  const { target, phase, message, error } = event;
  if (phase === "warning") pipelines?.issue("warning", error?.code, printable(`${target}: ${message}`));
}

/** Tells the pipeline how it ended. */
function tell(report, exit, pipelines) {
  const failed = report.targets.filter(({ error }) => error);
  for (const { name, error } of failed)
    pipelines.issue("error", error.code, `${printable(name)}: ${advice(error)}`);
  if (report.targets.length === 1) {
    const [{ outcome, credential, "client-id": clientId }] = report.targets;
    pipelines.variable("LAKEKEY_OUTCOME", outcome);
    for (const [name, value] of [
      ["CLIENT_ID", clientId],
      ["TOKEN_ID", credential?.id],
      ["EXPIRES", credential?.expires],
      ["DUE", credential?.due],
    ]) {
      if (value) pipelines.variable(`LAKEKEY_${name}`, value);
    }
  }
  if (exit !== 0) pipelines.failed(`${failed.length} of ${report.targets.length} targets failed`);
}

/** Returns 3 where a credential is as far gone as `--fail-on` says. */
function found(report, failOn, say, pipelines) {
  const outcomes = { due: ["due", "overdue"], overdue: ["overdue"] }[failOn] ?? [];
  const overwritten = ({ delivered }) =>
    failOn === "overwritten" && delivered.some(({ holds }) => holds === "overwritten");
  const narrowing = ({ credential }) => failOn === "narrowing" && credential?.narrows !== undefined;
  const is = (target) => outcomes.includes(target.outcome) || overwritten(target) || narrowing(target);
  const bad = report.targets.filter(is);
  const names = bad.map(({ name }) => name);
  if (names.length === 0) return 0;
  say(`${failOn}: ${names.join(", ")}`);
  pipelines?.issue("error", undefined, `${failOn}: ${names.join(", ")}`);
  pipelines?.failed(`${failOn}: ${names.join(", ")}`);
  return 3;
}
