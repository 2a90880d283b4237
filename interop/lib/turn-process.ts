/** A process with nothing but the TURN server: started by turn-server-process.ts, told its options and asked for its state by messages. */
import { startTurnServer, type TurnServerOptions } from "@tsunagi/server-turn";
import { type TurnPolicyOptions, turnPolicy } from "@tsunagi/turn";

export type StartMessage = {
  readonly type: "start";
  readonly options: Omit<TurnServerOptions, "policy">;
  readonly policy: TurnPolicyOptions;
};
export type StateMessage = { readonly type: "state" };

process.once("message", async ({ options, policy }: StartMessage) => {
  const server = await startTurnServer({ ...options, policy: turnPolicy(policy) });
  process.on("message", async (message: StateMessage | { type: "configure"; policy: TurnPolicyOptions }) => {
    if (message.type === "configure") server.configure(turnPolicy(message.policy));
    // With --expose-gc: what is left is held by something. Twice, since the memory of buffers goes after the objects that named it.
    for (let round = 0; round < 3; round++) {
      globalThis.gc?.();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { heapUsed, external, rss } = process.memoryUsage();
    process.send?.({ type: "state", stats: server.stats(), memory: { heapUsed, external, rss } });
  });
  process.send?.({ type: "ready", port: server.port, tlsPort: server.tlsPort });
});
process.once("disconnect", () => process.exit());
