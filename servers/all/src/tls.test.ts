import { X509Certificate } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ensureTls, machineNames, missingNames, type TlsMaterial } from "./tls.ts";

const NAMES = { dns: ["localhost", "studio", "studio.local"], ip: ["127.0.0.1", "::1", "192.0.2.10", "2001:db8::10"] };
const NOW = Date.now();
const DAY = 86_400_000;
let directory: string;

beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), "tsunagi-tls-")), "tls");
});
afterEach(() => rm(join(directory, ".."), { recursive: true, force: true }));

const ensure = (options = {}) => ensureTls({ directory, names: NAMES, now: NOW, ...options });

/** Connects to an HTTPS server with the material; what TLS thought of it. */
async function handshake(
  material: TlsMaterial,
  ca: string,
  servername: string,
): Promise<{ authorized: boolean; error: string | undefined }> {
  const server = createServer({ key: material.key, cert: material.cert }, (_, response) => response.end("ok"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await new Promise((resolve, reject) => {
      const { port } = server.address() as AddressInfo;
      const outgoing = request(
        { host: "127.0.0.1", port, servername, headers: { host: servername }, ca, rejectUnauthorized: false, agent: false },
        (response) => {
          response.resume();
          const socket = response.socket as TLSSocket;
          resolve({
            authorized: socket.authorized,
            error: (socket.authorizationError as unknown as Error | string | undefined)?.toString(),
          });
        },
      );
      outgoing.on("error", reject);
      outgoing.end();
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

describe("ensureTls", () => {
  it("makes a chain that Node's TLS accepts for names with the CA, and refuses without it or for another name", async () => {
    const material = await ensure();
    expect(material.made).toBe("ca");
    for (const name of ["localhost", "studio.local"]) {
      expect(await handshake(material, material.caCertificate, name)).toEqual({ authorized: true, error: undefined });
    }
    expect(await handshake(material, material.caCertificate, "elsewhere.example")).toMatchObject({ authorized: false });
    const otherCa = await ensureTls({ directory: `${directory}-other`, names: NAMES });
    expect(await handshake(material, otherCa.caCertificate, "localhost")).toMatchObject({ authorized: false });
  });

  it("fills the certificates as browsers and phones ask", async () => {
    const material = await ensure();
    const server = new X509Certificate(material.cert);
    const ca = new X509Certificate(material.caCertificate);
    expect(missingNames(server, NAMES)).toEqual([]);
    expect(server.checkIssued(ca)).toBe(true);
    expect(server.verify(ca.publicKey)).toBe(true);
    expect(server.ca).toBe(false);
    expect(ca.ca).toBe(true);
    expect(server.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
    expect(Date.parse(server.validTo) - Date.parse(server.validFrom)).toBeLessThan(825 * DAY);
    expect(ca.publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: "prime256v1" });
    expect(material.caFingerprint).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  });

  it("keeps keys to the user alone and leaves no temporary file", async () => {
    await ensure();
    const mode = async (name: string) => ((await stat(join(directory, name))).mode & 0o777).toString(8);
    expect(await mode(".")).toBe("700");
    expect([await mode("ca.pem"), await mode("server.pem"), await mode("ca.crt")]).toEqual(["600", "600", "644"]);
    expect((await readdir(directory)).sort()).toEqual(["ca.crt", "ca.pem", "server.pem"]);
    expect(await readFile(join(directory, "ca.crt"), "utf8")).not.toContain("PRIVATE");
  });

  it("uses what is there", async () => {
    const first = await ensure();
    const second = await ensure({ names: { dns: ["localhost"], ip: ["127.0.0.1"] } });
    expect(second).toMatchObject({ made: "nothing", cert: first.cert, key: first.key, caCertificate: first.caCertificate });
  });

  it.each([
    ["a name is new", { extraNames: ["calls.example"] }],
    ["an address is new", { names: { ...NAMES, ip: [...NAMES.ip, "198.51.100.4"] } }],
    ["expiry is near", { now: NOW + 380 * DAY }],
  ])("renews the certificate and keeps the CA when %s", async (_, change) => {
    const first = await ensure();
    const second = await ensure(change);
    expect(second.made).toBe("certificate");
    expect(second.cert).not.toBe(first.cert);
    expect(second.caCertificate).toBe(first.caCertificate);
    expect(missingNames(new X509Certificate(second.cert), second.names)).toEqual([]);
  });

  it("makes a new CA when the old one nears its end", async () => {
    const first = await ensure();
    const second = await ensure({ now: NOW + 3640 * DAY });
    expect(second.made).toBe("ca");
    expect(second.caFingerprint).not.toBe(first.caFingerprint);
  });

  it("renews a damaged server certificate, but never replaces a damaged CA unasked", async () => {
    await ensure();
    await writeFile(join(directory, "server.pem"), "gone");
    expect((await ensure()).made).toBe("certificate");
    await writeFile(join(directory, "ca.pem"), "gone");
    await expect(ensure()).rejects.toMatchObject({ code: "tls.ca.unreadable", remedy: expect.stringContaining("delete") });
  });

  it("says when the directory cannot be written", async () => {
    const file = join(directory, "..", "file");
    await writeFile(file, "");
    await expect(ensureTls({ directory: join(file, "tls"), names: NAMES })).rejects.toMatchObject({
      code: "tls.directory.unwritable",
    });
  });
});

describe("machineNames", () => {
  const face = (address: string, internal = false) => ({ address, internal }) as never;

  it("takes the host's names and the addresses others can reach", () => {
    const interfaces = { lo: [face("127.0.0.1", true)], eth0: [face("192.0.2.4"), face("2001:db8::4"), face("fe80::4")] };
    expect(machineNames("Studio", interfaces)).toEqual({
      dns: ["localhost", "studio", "studio.local"],
      ip: ["127.0.0.1", "::1", "192.0.2.4", "2001:db8::4"],
    });
  });

  it("adds no .local to a full name, and leaves out what is no DNS name", () => {
    expect(machineNames("host.example", {}).dns).toEqual(["localhost", "host.example"]);
    expect(machineNames("my_host name", {}).dns).toEqual(["localhost"]);
  });
});
