/** Tsunagi's SFU node as `tsunagi start` runs it, with one worker: offers come over IPC and go on over the Bus. */
import { silentLog } from "@tsunagi/base";
import { MemoryBus, type SfuCommand, type SfuReply } from "@tsunagi/conference";
import { startSfu } from "@tsunagi/server-sfu";
import { serve } from "./child.ts";

const bus = new MemoryBus();
await bus.attach("core", async (request) => {
  // What the core does with these is not measured.
  if (request.type === "sfu-event") return { ok: true };
  throw new Error(`unexpected ${request.type}`);
});
await startSfu({ bus, node: "sfu", log: silentLog, workers: 1, port: 0, address: "127.0.0.1" });

serve<SfuCommand>(async (command): Promise<SfuReply> => {
  const reply = await bus.send("sfu", { type: "sfu", from: "core", command });
  if (reply === undefined) throw new Error("the SFU node is gone");
  return reply;
});
