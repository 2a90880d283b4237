/**
 * Runs on a host of the internet: two UDP ports that answer with the sender's address and port as seen from here, and TCP ports that accept.
 * A request says from which of the addresses and ports it wants its answer, as CHANGE-REQUEST of RFC 5780 §7.2 does.
 *
 *   node echo.mjs ADDRESS,ADDRESS UDP-PORT,UDP-PORT TCP-PORT,…
 */
import { createSocket } from "node:dgram";
import { createServer } from "node:net";

const [addresses, udpPorts, tcpPorts] = process.argv.slice(2).map((list) => list.split(","));
const sockets = new Map();
for (const address of addresses) {
  for (const port of udpPorts.map(Number)) {
    const socket = createSocket("udp4");
    socket.on("message", (bytes, { address: seenAddress, port: seenPort }) => {
      const { id, answerFrom = `${address}:${port}` } = JSON.parse(String(bytes));
      sockets.get(answerFrom)?.send(JSON.stringify({ id, seen: `${seenAddress}:${seenPort}` }), seenPort, seenAddress);
    });
    socket.bind(port, address);
    await new Promise((resolve) => socket.once("listening", resolve));
    sockets.set(`${address}:${port}`, socket);
  }
}
for (const port of tcpPorts.map(Number)) {
  const server = createServer((socket) => socket.end());
  await new Promise((resolve) => server.listen(port, resolve));
}
console.log("ready");
