/** Loaded into a measured server (`--import`): answers, over the IPC channel, what the process holds and has used. */
process.on("message", (request) => {
  if (request !== "measure" && request !== "cpu") return;
  // Twice: what the first collection's finalizers let go is freed by the second. Where only the time counts, it must not be spent on this.
  if (request === "measure") {
    globalThis.gc?.();
    globalThis.gc?.();
  }
  const { user, system } = process.cpuUsage();
  const memory = process.memoryUsage();
  process.send?.({ rss: memory.rss, heap: memory.heapUsed + memory.external, cpuMicros: user + system });
});
// The channel alone must not keep the server alive when it wants to end.
process.channel?.unref();
