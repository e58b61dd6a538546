// The command line, which is the binary's.

import { parseArgs } from "node:util";

import { usage } from "../lib/index.js";

export const HELP = `lakekey: the life of a Databricks credential, from nothing to revoked

usage: lakekey <command> [--config FILE] [--target NAME]... [--json] [--dry-run]

  provision                          makes the principal able to use PATs and delivers a first credential
  rotate [--force]                   renews what is due, delivers, verifies, revokes what is superseded
  status [--fail-on due|overdue]     shows every managed credential
  doctor                             walks the procedure read-only and says which step is refused, and why
  plan [--matrix N]                  shows what provision and rotate would do, or shards for a workflow matrix
  revoke --target NAME (--superseded | --all --yes | --token-id ID)
                                     takes credentials back

  --config FILE   the configuration, lakekey.yml by default
  --target NAME   serves this target alone; may be given more than once
  --json          prints one report and nothing else on standard output
  --dry-run       changes nothing and says what would be done

exit status: 0 done or nothing to do, 1 a target failed, 2 wrong command line or configuration, 3 --fail-on found something
The commands demo, emulate and schema are those of the native binary.
`;

const COMMON = {
  config: { type: "string" },
  target: { type: "string", multiple: true },
  json: { type: "boolean" },
  "dry-run": { type: "boolean" },
};

const OWN = {
  provision: {},
  rotate: { force: { type: "boolean", default: false } },
  status: { "fail-on": { type: "string" } },
  doctor: {},
  plan: { matrix: { type: "string" } },
  revoke: {
    superseded: { type: "boolean", default: false },
    all: { type: "boolean", default: false },
    "token-id": { type: "string" },
    yes: { type: "boolean", default: false },
  },
};

const HINT = "see `lakekey --help`";

function flag(env, name) {
  const value = env[name];
  if (value === undefined || value === "" || value === "false") return false;
  if (value === "true") return true;
  throw usage(`${name} is true or false`, HINT);
}

/** Takes from the environment what the line leaves out, as the binary does. */
function defaults(values, env) {
  const { config = env.LAKEKEY_CONFIG || "lakekey.yml", target = env.LAKEKEY_TARGET ? [env.LAKEKEY_TARGET] : [], ...rest } = values;
  return {
    ...rest,
    config,
    target: target.flatMap((names) => names.split(",")),
    json: values.json ?? flag(env, "LAKEKEY_JSON"),
    "dry-run": values["dry-run"] ?? flag(env, "LAKEKEY_DRY_RUN"),
  };
}

/** Returns `{help}`, `{version}` or `{command, values}`; throws where the line is wrong. */
export function parse(args, env) {
  if (args.includes("--help") || args.includes("-h") || args[0] === "help") return { help: true };
  if (args.includes("--version") || args.includes("-V")) return { version: true };
  // Options may stand before the command.
  const { positionals } = parseArgs({ args, options: { ...COMMON, ...Object.assign({}, ...Object.values(OWN)) }, allowPositionals: true, strict: false });
  const command = positionals.find((word) => Object.hasOwn(OWN, word)) ?? positionals[0];
  if (command === undefined) throw usage("a command is missing", HINT);
  if (["demo", "emulate", "schema"].includes(command)) throw usage(`\`${command}\` is a command of the native binary`, HINT);
  if (!Object.hasOwn(OWN, command)) throw usage(`there is no command "${command}"`, HINT);
  let parsed;
  try {
    parsed = parseArgs({ args, options: { ...COMMON, ...OWN[command] }, allowPositionals: true });
  } catch (error) {
    throw usage(String(error.message).split("\n")[0].split(". ")[0], HINT);
  }
  const values = defaults(parsed.values, env);
  if (command === "status") values["fail-on"] ??= env.LAKEKEY_FAIL_ON || undefined;
  const more = parsed.positionals.filter((word) => word !== command);
  if (more.length > 0 || parsed.positionals.length > 1) throw usage(`"${more[0] ?? command}" is one word too many`, HINT);
  check(command, values);
  return { command, values };
}

function check(command, values) {
  const failOn = values["fail-on"];
  if (failOn !== undefined && !["due", "overdue"].includes(failOn)) throw usage("--fail-on is due or overdue", HINT);
  if (values.matrix !== undefined && !(/^\d{1,3}$/.test(values.matrix) && Number(values.matrix) >= 1 && Number(values.matrix) <= 256)) {
    throw usage("--matrix is a number from 1 to 256", HINT);
  }
  if (command !== "revoke") return;
  if (values.target.length === 0) throw usage("revoke asks for --target", HINT);
  const ways = [values.superseded, values.all, values["token-id"] !== undefined].filter(Boolean).length;
  if (ways !== 1) throw usage("revoke asks for one of --superseded, --all and --token-id", HINT);
  if (values.all && !values.yes && !values["dry-run"]) {
    throw usage("--all takes back the credential in use too: whatever uses it stops working", "add --yes if that is meant");
  }
}
