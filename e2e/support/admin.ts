/** The admin REST of a server under test. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ServerProcess } from "@tsunagi/testkit/drivers";

export type AdminApp = { readonly id: string; readonly key: string };

/** Throws the status and body unless it is a success. An empty answer is `undefined`. */
export async function admin<T = unknown>(server: ServerProcess, method: string, path: string, body?: object): Promise<T> {
  const token = readFileSync(join(server.dataDir, "admin-token"), "utf8").trim();
  const response = await server.request(`/admin/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (response.status >= 300) throw new Error(`${method} ${path}: ${response.status} ${response.body}`);
  return (response.body === "" ? undefined : response.json()) as T;
}

export async function firstApp(server: ServerProcess): Promise<AdminApp> {
  const { apps } = await admin<{ apps: AdminApp[] }>(server, "GET", "/apps");
  const app = apps.find(({ key }) => key === server.key);
  if (app === undefined) throw new Error("the first app is not listed");
  return app;
}

/** One number out of Prometheus' `/metrics`. */
export async function metric(server: ServerProcess, name: string): Promise<number> {
  const { body } = await server.request("/metrics");
  const line = body.split("\n").find((each) => each.startsWith(`${name} `) || each.startsWith(`${name}{`));
  if (line === undefined) throw new Error(`no metric ${name}`);
  return Number(line.slice(line.lastIndexOf(" ") + 1));
}
