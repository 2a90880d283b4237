/** Prometheus' text format over HTTP, for the server that runs alone; in `servers/all` the metrics are beside the others. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { portError } from "./errors.ts";
import type { TurnMetric } from "./options.ts";

/** On 127.0.0.1. @throws {CodedError} `turn.port.*` */
export async function serveMetrics(
  metrics: readonly TurnMetric[],
  port: number,
): Promise<{ readonly port: number; readonly server: Server }> {
  const server = createServer((request, response) => {
    if (request.url !== "/metrics") {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(formatMetrics(metrics));
  });
  server.listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    throw portError(error as NodeJS.ErrnoException, `metrics on 127.0.0.1:${port}`);
  }
  return { port: (server.address() as AddressInfo).port, server };
}

export function formatMetrics(metrics: readonly TurnMetric[]): string {
  let text = "";
  for (const { name, help, type, label, read } of metrics) {
    text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
    for (const [value, count] of read()) text += `${name}${label === undefined ? "" : `{${label}="${value}"}`} ${count}\n`;
  }
  return text;
}
