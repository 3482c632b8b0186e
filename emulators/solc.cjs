// Compiles Solidity: standard JSON from stdin to stdout. Imports are files below the folders of the arguments.
const fs = require("fs");
const path = require("path");
const solc = require("solc");

const roots = process.argv.slice(2);

function find(name) {
  for (const root of roots) {
    const file = path.join(root, name);
    if (path.resolve(file).startsWith(path.resolve(root) + path.sep) && fs.existsSync(file)) {
      return { contents: fs.readFileSync(file, "utf8") };
    }
  }
  return { error: "there is no such file" };
}

const input = fs.readFileSync(0, "utf8");
process.stdout.write(solc.compile(input, { import: find }));
