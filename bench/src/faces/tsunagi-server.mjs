/** Our signalling server alone, as PeerServer and the relay are alone: no TURN, no SFU, no web app in its process. */
import { openStore, startSignaling } from "@tsunagi/server-signaling";

const { PORT, DATA_DIR, KEY } = process.env;
const store = await openStore({ dataDir: DATA_DIR });
// The limits are kept and counted, but must not be what is measured: a benchmark's client sends more than a person's.
await store.importApps([{ key: KEY, limits: { messagesPerSecond: 10_000, peers: 20_000 } }], { now: Date.now() });
const running = await startSignaling({
  store,
  version: "bench",
  address: "127.0.0.1",
  port: Number(PORT),
  peerjs: { limit: 20_000 },
});
process.on("SIGTERM", () => void running.close().then(() => process.exit(0)));
process.send?.("ready");
