/** Refuses a Node that is too old, before anything newer than it is used. Imported first by every script. */

const MINIMUM = [20, 19];

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < MINIMUM[0] || (major === MINIMUM[0] && minor < MINIMUM[1])) {
  console.error(`Tsunagi needs Node ${MINIMUM.join(".")} or later; this is ${process.versions.node} (${process.execPath}).`);
  console.error("Install a current version from https://nodejs.org and run the command again.");
  process.exit(1);
}
