/**
 * Datagrams from one host to another, each with its number and the time it was sent: all processes of a machine read the same monotonic clock.
 *   node datagrams.mjs receive PORT              prints what came, as JSON, when its input ends
 *   node datagrams.mjs send ADDRESS PORT COUNT BYTES PER_SECOND
 */
import { createSocket } from "node:dgram";

const [role, ...rest] = process.argv.slice(2);
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

if (role === "receive") {
  const socket = createSocket({ type: "udp4", recvBufferSize: 4 * 1024 * 1024 });
  const arrivals = [];
  socket.on("message", (bytes) => {
    const at = nowMs();
    arrivals.push([bytes.readUInt32BE(0), at - bytes.readDoubleBE(4), at]);
  });
  socket.bind(Number(rest[0]), () => console.log(JSON.stringify({ ready: true })));
  process.stdin.on("end", () => process.stdout.write(`${JSON.stringify({ arrivals })}\n`, () => process.exit())).resume();
} else {
  const [address, port, count, bytes, perSecond] = [rest[0], ...rest.slice(1).map(Number)];
  const socket = createSocket("udp4");
  await new Promise((resolve) => socket.connect(port, address, resolve));
  const startedAt = nowMs();
  let sent = 0;
  console.log(JSON.stringify({ begins: true }));
  await new Promise((resolve) => {
    const timer = setInterval(() => {
      // What is due by now, but no more at once than a moment's worth: a late timer makes no burst that fills a queue.
      const due = Math.min(count, Math.floor(((nowMs() - startedAt) / 1000) * perSecond), sent + Math.ceil(perSecond / 100));
      for (; sent < due; sent++) {
        const datagram = Buffer.alloc(bytes);
        datagram.writeUInt32BE(sent, 0);
        datagram.writeDoubleBE(nowMs(), 4);
        socket.send(datagram);
      }
      if (sent < count) return;
      clearInterval(timer);
      setTimeout(resolve, 20);
    }, 1);
  });
  socket.close();
}
