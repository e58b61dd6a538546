// The same instance for `require`.
module.exports = require("./init.js");
