// The entry for `require`. Its instance is that of the ES module too.
const fs = require("node:fs");
const { join } = require("node:path");
const process = require("node:process");

const lib = require("./lib/index.cjs");

function load() {
  try {
    return fs.readFileSync(join(__dirname, "lakekey.wasm"));
  } catch {
    throw lib.leftBehind();
  }
}

lib.usePlatform(lib.nodeParts({ fs, process, load, childProcess: () => require("node:child_process") }));

exports.LakekeyError = lib.LakekeyError;
exports.check = lib.check;
exports.doctor = lib.doctor;
exports.matrix = lib.matrix;
exports.plan = lib.plan;
exports.provision = lib.provision;
exports.revoke = lib.revoke;
exports.rotate = lib.rotate;
exports.sealSecret = lib.sealSecret;
exports.status = lib.status;
