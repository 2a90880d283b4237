/** Loaded into a measured server by NODE_OPTIONS (`--import`): tells, over a socket in the file system, what the process holds after a collection. */
import { createServer } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");
const path = process.env.TSUNAGI_TEST_HEAP_SOCKET;
if (path !== undefined) {
  // Processes that this one starts have heaps of their own, which nobody asks for.
  delete process.env.TSUNAGI_TEST_HEAP_SOCKET;
  const server = createServer((socket) => {
    // More than once: what the finalizers of one collection let go is freed by the next.
    for (let round = 0; round < 4; round += 1) collect();
    const { heapUsed, external, rss } = process.memoryUsage();
    socket.end(JSON.stringify({ heapUsed, external, rss }));
  });
  server.listen(path);
  // It must not keep the server alive when that wants to end.
  server.unref();
}
