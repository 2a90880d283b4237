import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CodedError } from "@tsunagi/base";
import { afterEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { CONFIG_CODES, checkConfig, environmentName, flagName, loadConfig, SETTINGS } from "./config.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function folderWith(content?: string): string {
  const folder = mkdtempSync(join(tmpdir(), "tsunagi-config-"));
  folders.push(folder);
  if (content !== undefined) writeFileSync(join(folder, "tsunagi.config.yaml"), content);
  return folder;
}

function codeOf(act: () => unknown): string {
  try {
    act();
    return "none";
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    expect(CONFIG_CODES).toHaveProperty([error.code]);
    return error.code;
  }
}

describe("loadConfig", () => {
  it("takes flags before environment before file before defaults", () => {
    const cwd = folderWith("http: { port: 1, address: 127.0.0.1 }\nlog: { level: warn }");
    expect(loadConfig({ cwd }).http).toEqual({ port: 1, address: "127.0.0.1", trustProxy: false });
    const env = { TSUNAGI_HTTP_PORT: "2", TSUNAGI_LOG_LEVEL: "" };
    expect(loadConfig({ cwd, env })).toMatchObject({ http: { port: 2, address: "127.0.0.1" }, log: { level: "warn" } });
    expect(loadConfig({ cwd, env, flags: { "http-port": "3", "log-level": undefined } })).toMatchObject({ http: { port: 3 } });
    expect(loadConfig({ cwd: folderWith() }).http.port).toBe(8080);
  });

  it("reads each kind of setting from text", () => {
    const env = {
      TSUNAGI_HTTP_TRUST_PROXY: "yes",
      TSUNAGI_TLS_NAMES: "a.example, 192.0.2.1",
      TSUNAGI_TURN_DENY: "192.0.2.0/24,2001:db8::/32",
      TSUNAGI_TURN_USERS: '{"a":"b"}',
      TSUNAGI_FACES_SKYWAY_TURN_HOST: "true",
      TSUNAGI_FACES_PEERJS_CORS_ORIGINS: "https://a.example,https://b.example",
      TSUNAGI_ICE_SERVERS: '[{"urls":["stun:a.example:3478"]}]',
      DATABASE_URL: "postgres://x",
    };
    const config = loadConfig({ cwd: folderWith(), env, flags: { "turn-enabled": false, "turn-limits-allocations": "7" } });
    expect(config).toMatchObject({
      http: { trustProxy: true },
      tls: { names: ["a.example", "192.0.2.1"] },
      iceServers: [{ urls: ["stun:a.example:3478"] }],
      databaseUrl: "postgres://x",
      faces: { skyway: { turnHost: true }, peerjs: { corsOrigins: ["https://a.example", "https://b.example"] } },
      turn: { enabled: false, deny: ["192.0.2.0/24", "2001:db8::/32"], users: { a: "b" }, limits: { allocations: 7 } },
    });
  });

  it("refuses what cannot be used, and says where", () => {
    expect(codeOf(() => loadConfig({ cwd: folderWith("http: [") }))).toBe("config.file.malformed");
    expect(codeOf(() => loadConfig({ cwd: folderWith("- 1") }))).toBe("config.file.malformed");
    expect(codeOf(() => loadConfig({ cwd: folderWith(), file: "missing.yaml" }))).toBe("config.file.unreadable");
    for (const content of [
      "htp: {}",
      "http: { prot: 1 }",
      "http: { port: 65536 }",
      "tls: { certFile: a }",
      "iceServers: [{ urls: [http://a] }]",
      "firstApp: { key: x }",
      "turn: { relayPorts: 80-90 }",
      "turn: { relayPorts: 60000-50000 }",
      "turn: { secret: short }",
      "turn: { allow: [10.0.0.0/33] }",
      "turn: { addresses: [example.com] }",
      "turn: { externalAddresses: { 10.0.0.1: example.com } }",
      "turn: { limits: { allocations: 0 } }",
      "externalTurn: [{ urls: [turn:a], secret: s, username: u }]",
      "externalTurn: [{ urls: [turn:a], username: u }]",
      "externalTurn: [{ urls: [turn:a] }]",
      "faces: { skyway: { roomDataBytes: 30000000 } }",
      "faces: { skyway: { dispatcherDomain: https://calls.example } }",
      "faces: { peerjs: { path: peerjs } }",
      "faces: { peerjs: { key: '' } }",
    ]) {
      expect([content, codeOf(() => loadConfig({ cwd: folderWith(content) }))]).toEqual([content, "config.value.invalid"]);
    }
    for (const env of [{ TSUNAGI_HTTP_PORT: "eighty" }, { TSUNAGI_TURN_ENABLED: "perhaps" }, { TSUNAGI_ICE_SERVERS: "{" }]) {
      expect(codeOf(() => loadConfig({ cwd: folderWith(), env }))).toBe("config.value.invalid");
    }
    expect(() => loadConfig({ cwd: folderWith("http: { port: x }") })).toThrow(/http\.port/);
  });

  it("takes an empty file", () => {
    expect(loadConfig({ cwd: folderWith("# nothing") })).toEqual(checkConfig({}));
  });
});

describe("names of settings", () => {
  it("follow from the setting", () => {
    expect(environmentName("http.trustProxy")).toBe("TSUNAGI_HTTP_TRUST_PROXY");
    expect(flagName("limits.greetingsPerAddress")).toBe("limits-greetings-per-address");
  });

  it("are there for every setting", () => {
    const leaves = (value: object, path: string): string[] =>
      Object.entries(value).flatMap(([name, child]) =>
        // Some settings are tables themselves.
        typeof child === "object" && child !== null && !Array.isArray(child) && !(`${path}${name}` in SETTINGS)
          ? leaves(child, `${path}${name}.`)
          : [`${path}${name}`],
      );
    expect(Object.keys(SETTINGS)).toEqual(expect.arrayContaining(leaves(checkConfig({}), "")));
  });
});

describe("tsunagi.config.sample.yaml", () => {
  const text = readFileSync(new URL("../../../tsunagi.config.sample.yaml", import.meta.url), "utf8");

  it("says the defaults", () => {
    expect(checkConfig(parse(text))).toEqual(checkConfig({}));
  });

  it("shows every setting", () => {
    for (const setting of Object.keys(SETTINGS)) expect(text).toMatch(new RegExp(`^[# ]*${setting.split(".").at(-1)}:`, "m"));
  });
});
