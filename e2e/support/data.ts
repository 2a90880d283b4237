/** Data connections in test pages: the page's present `data`, and what came over it. */
import type { BrowserPage } from "@tsunagi/testkit/drivers";

declare global {
  /** What {@link connect} leaves in both pages. */
  var data: import("@tsunagi/sdk").DataConnection;
  /** Messages of `data`, oldest first. */
  var received: unknown[];
  /** States and errors of `data`, oldest first: `reconnecting`, `error data.frame.malformed`. */
  var happened: string[];
  var followData: (connection: import("@tsunagi/sdk").DataConnection) => void;
}

export type ConnectOptions = NonNullable<Parameters<typeof peer.connect>[1]>;

/** Prepares a page: the newest connection, made here or come in, is `data`. */
export async function followConnections(page: BrowserPage): Promise<void> {
  await page.evaluate(() => {
    globalThis.followData = (connection) => {
      globalThis.data = connection;
      globalThis.received = [];
      globalThis.happened = [];
      connection.on("data", (value) => received.push(value));
      connection.on("error", ({ code }) => happened.push(`error ${code}`));
      for (const name of ["open", "reconnecting", "reconnected"] as const) connection.on(name, () => happened.push(name));
      connection.on("close", (reason) => happened.push(`close ${reason}`));
    };
    peer.on("connection", (connection) => followData(connection));
  });
}

/** Connects and waits until both ends are open. */
export async function connect(from: BrowserPage, to: BrowserPage, options: ConnectOptions = {}): Promise<void> {
  const id = await from.evaluate(
    async (remoteId: string, given: ConnectOptions) => {
      followData(peer.connect(remoteId, given));
      await helpers.within(15_000, "the data connection's open", data.once("open"));
      return data.id;
    },
    to.name,
    options,
  );
  await to.waitFor((wanted: string) => data.id === wanted && data.open, { what: "the callee's open" }, id);
}

/** Ends the connection from one side and waits for the other. */
export async function disconnect(from: BrowserPage, to: BrowserPage): Promise<void> {
  await from.evaluate(() => data.close());
  await to.waitFor(() => data.state === "closed", { what: "the other side's close" });
}
