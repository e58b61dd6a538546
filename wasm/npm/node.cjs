// The same instance for `require`: Node loads the ES module, which awaits nothing at its top.
module.exports = require("./node.js");
