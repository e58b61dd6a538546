// CommonJS: reads the configuration that the command line reads, and fails where a token is overdue.
const { readFileSync } = require("node:fs");

const { LakekeyError, status } = require("lakekey");

async function main() {
  const { targets } = await status(readFileSync("lakekey.yml", "utf8"));
  for (const { name, outcome, credential, error } of targets) {
    console.log(`${name}: ${outcome}${credential ? `, due ${credential.due}` : ""}`);
    if (error) console.error(`${name}: ${error.message} [${error.code}]: ${error.hint}`);
  }
  process.exitCode = targets.some(({ outcome }) => ["overdue", "failed"].includes(outcome)) ? 1 : 0;
}

main().catch((error) => {
  // A wrong configuration is thrown, before anything is sent.
  if (!(error instanceof LakekeyError)) throw error;
  console.error(`${error.message} [${error.code}]: ${error.hint}`);
  process.exitCode = 2;
});
