// The packed package in a fresh folder, as a user has it.

import { execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";

export const run = promisify(execFile);
export const HERE = dirname(dirname(fileURLToPath(import.meta.url)));
export const ROOT = resolve(HERE, "../..");
export const MODULES = join(HERE, "node_modules");

const PACKED = join(ROOT, "target/npm");
const tarballs = readdirSync(PACKED).filter((name) => name.endsWith(".tgz"));
if (tarballs.length !== 1) throw new Error("script/package npm leaves one package in target/npm");
export const TARBALL = join(PACKED, tarballs[0]);

const bare = () => Object.fromEntries(["PATH", "HOME"].map((name) => [name, process.env[name]]));

/**
 * Makes a folder and installs the package there, and beside it Octokit where that is asked for; removed when
 * the process ends.
 */
export async function installed({ octokit = false } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "lakekey-npm-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "package.json"), '{"name": "user", "private": true}');
  // There is nothing to download: the package has no dependency.
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", "--silent", TARBALL], { cwd: folder });
  if (octokit) {
    mkdirSync(join(folder, "node_modules/@octokit"));
    symlinkSync(join(MODULES, "@octokit/core"), join(folder, "node_modules/@octokit/core"));
  }
  return {
    folder,
    load: () => import(pathToFileURL(join(folder, "node_modules/lakekey/node.js")).href),
    /** Writes a file and returns its path. */
    file(name, text) {
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      return path;
    },
    /** Runs a program in the folder, with no environment but the one given. */
    run: (program, args, env = {}) =>
      run(program, args, { cwd: folder, env: { ...bare(), ...env }, maxBuffer: 1 << 26 }),
    /**
     * Runs the command line at a terminal, at which a person types each name that it asks for, and "y" where
     * it asks whether to go on; resolves to `{status, shown, asked}`.
     */
    terminal: (args, env = {}) =>
      new Promise((resolve) => {
        const line = [process.execPath, join(folder, "node_modules/.bin/lakekey"), ...args].join(" ");
        const child = spawn("script", ["-qec", line, "/dev/null"], { cwd: folder, env: { ...bare(), ...env } });
        let shown = "";
        const asked = [];
        child.stdout.on("data", (data) => {
          shown += data;
          const questions = [...shown.matchAll(/type (\S+) to revoke it:|\[y\/N\]/g)];
          const names = questions.map(([, name]) => name ?? "y");
          for (const name of names.slice(asked.length)) {
            asked.push(name);
            child.stdin.write(`${name}\n`);
          }
        });
        child.once("close", (status) => resolve({ status, shown, asked }));
      }),
    /** Runs the command line; resolves to `{status, stdout, stderr}` whatever it ends with. */
    cli: async (args, env = {}) => {
      try {
        return {
          status: 0,
          ...(await run(process.execPath, [join(folder, "node_modules/.bin/lakekey"), ...args], {
            cwd: folder,
            env: { ...bare(), ...env },
          })),
        };
      } catch ({ code, stdout, stderr }) {
        return { status: code, stdout, stderr };
      }
    },
  };
}
