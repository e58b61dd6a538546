// The entry for programs that bring the module along, by `require`.
const lib = require("./lib/index.cjs");

exports.init = lib.init;
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
