// The platform's own parts on Node, Deno and Bun. The modules of Node are given: a file that asks for them by
// `require` could not be in a bundle of ES modules, and one that imports them in none of CommonJS.

import { azureCliOf } from "./azure-cli.js";

/** The largest file that is read as a secret, in bytes. */
const LARGEST = 1024 * 1024;

/** Makes the parts; `childProcess()` gives `node:child_process`, or a promise of it. */
export function nodeParts({ fs, process, childProcess, load }) {
  /**
   * Reads a secret from a regular file, after links: a pipe or a device would make a run wait for something that
   * may never come.
   */
  const readFile = (path) => {
    const refuse = (why) => {
      throw Object.assign(new Error(why), { code: why });
    };
    const check = (found) => {
      if (!found.isFile()) refuse("it is no regular file");
      if (found.size > LARGEST) refuse("it is larger than 1024 KiB");
    };
    // Before it is opened, since opening a pipe waits; and after, since a name can change what it means.
    check(fs.statSync(path));
    const file = fs.openSync(path, "r");
    try {
      check(fs.fstatSync(file));
      return fs.readFileSync(file);
    } finally {
      fs.closeSync(file);
    }
  };
  /**
   * Runs the Azure CLI without a shell. What it prints may be a token, so that a failure tells of its
   * complaints alone; the core picks the line that says why.
   */
  const azureCli = async (args) => {
    const { environment, program } = azureCliOf(process.platform, process.env, fs.existsSync);
    if (!program) throw Object.assign(new Error(), { code: "ENOENT" });
    // Asked for here, since it takes a tenth of the package's start and is seldom needed.
    const { execFile } = await childProcess();
    const [file, ...first] = program;
    return new Promise((resolve, reject) => {
      execFile(
        file,
        [...first, ...args],
        { encoding: "buffer", timeout: 60_000, env: environment },
        (error, stdout, stderr) => {
          if (!error) return resolve(stdout);
          error.reason = stderr.toString("utf8").slice(0, 16_384);
          reject(error);
        },
      );
    });
  };
  return { load, defaults: () => ({ env: process.env, readFile, azureCli }) };
}
