/**
 * Runs on a host behind something: how does it translate and filter? The tests of RFC 5780 §4.3, §4.4 and RFC 4787 §6 against `echo.mjs`.
 * Prints one line of JSON.
 *
 *   node probe.mjs ADDRESS,ADDRESS UDP-PORT,UDP-PORT TCP-PORT,…
 */
import { createSocket } from "node:dgram";
import { connect } from "node:net";

const [[address1, address2], [port1, port2], tcpPorts] = process.argv.slice(2).map((list) => list.split(","));
/** Answers inside one machine take a millisecond; two tries, since the first packet also resolves addresses. */
const WAIT_MS = 150;
const TRIES = 2;

let nextId = 0;

function open() {
  const socket = createSocket("udp4");
  const waiting = new Map();
  socket.on("message", (bytes, from) => {
    const { id, seen } = JSON.parse(String(bytes));
    waiting.get(id)?.({ seen, from: `${from.address}:${from.port}` });
  });
  return {
    /** @returns what the other end saw, undefined when no answer came; one from elsewhere than wanted is an error of the network */
    async ask(to, answerFrom = to) {
      const [address, port] = to.split(":");
      const id = ++nextId;
      const answer = new Promise((resolve) => waiting.set(id, resolve));
      for (let attempt = 0; attempt < TRIES; attempt++) {
        // Refused at once by the own system, where there is no way out at all: the same as no answer.
        socket.send(JSON.stringify({ id, answerFrom }), Number(port), address, () => {});
        const came = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, WAIT_MS))]);
        if (came !== undefined && came.from !== answerFrom) throw new Error(`asked ${answerFrom}, answered by ${came.from}`);
        if (came !== undefined) return came;
      }
      return undefined;
    },
    raw: socket,
    close: () => socket.close(),
  };
}

async function mapping() {
  const socket = open();
  const seen = [];
  for (const to of [`${address1}:${port1}`, `${address2}:${port1}`, `${address2}:${port2}`])
    seen.push((await socket.ask(to))?.seen);
  const local = socket.raw.address().port;
  socket.close();
  const [first, second, third] = seen;
  if (first === undefined) return { kind: "blocked", seen };
  const kind = first === second ? "endpoint-independent" : second === third ? "address-dependent" : "address-and-port-dependent";
  return { kind, seen, keepsPort: first.endsWith(`:${local}`) };
}

async function filtering() {
  const socket = open();
  const to = `${address1}:${port1}`;
  try {
    if ((await socket.ask(to)) === undefined) return "blocked";
    if ((await socket.ask(to, `${address2}:${port2}`)) !== undefined) return "endpoint-independent";
    if ((await socket.ask(to, `${address1}:${port2}`)) !== undefined) return "address-dependent";
    return "address-and-port-dependent";
  } finally {
    socket.close();
  }
}

/** Two sockets at each other's outside addresses, both sending, as ICE does. */
async function hairpinning() {
  const [one, other] = [open(), open()];
  try {
    const [seenOne, seenOther] = [await one.ask(`${address1}:${port1}`), await other.ask(`${address1}:${port1}`)];
    if (seenOne === undefined || seenOther === undefined) return false;
    const heard = new Promise((resolve) =>
      other.raw.on("message", (bytes, from) => {
        if (String(bytes).includes('"hairpin"')) resolve(`${from.address}:${from.port}`);
      }),
    );
    for (let attempt = 0; attempt < 3; attempt++) {
      for (const [socket, target] of [
        [one, seenOther.seen],
        [other, seenOne.seen],
      ]) {
        const [address, port] = target.split(":");
        socket.raw.send(JSON.stringify({ hairpin: true }), Number(port), address, () => {});
      }
      const from = await Promise.race([heard, new Promise((resolve) => setTimeout(resolve, WAIT_MS))]);
      if (from !== undefined) return from === seenOne.seen;
    }
    return false;
  } finally {
    one.close();
    other.close();
  }
}

function tcp(port) {
  return new Promise((resolve) => {
    const socket = connect({ host: address1, port: Number(port) });
    const end = (open) => {
      socket.destroy();
      resolve(open);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
    setTimeout(() => end(false), 2 * WAIT_MS);
  });
}

const tcpOpen = [];
for (const port of tcpPorts) if (await tcp(port)) tcpOpen.push(Number(port));
console.log(
  JSON.stringify({ mapping: await mapping(), filtering: await filtering(), hairpinning: await hairpinning(), tcp: tcpOpen }),
);
process.exit(0);
