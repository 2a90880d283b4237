import { describe, expect, it } from "vitest";
import { type CommandContext, helpText, type TurnCommand, turnCommand } from "./command.ts";

const FILES: Readonly<Record<string, string>> = {
  "cert.pem": "the certificate",
  "key.pem": "the key",
  secrets: "# current first\none\n\ntwo\n",
  users: "alice:her:password\n",
};

function run(args: readonly string[], env: CommandContext["env"] = {}): TurnCommand {
  const command = turnCommand(args, {
    env,
    readFile(path) {
      const text = FILES[path];
      if (text === undefined) throw new Error("no such file");
      return text;
    },
    localAddresses: () => [
      { family: 4, address: "127.0.0.1", isInternal: true },
      { family: 4, address: "10.0.0.5", isInternal: false },
      { family: 6, address: "fd00::5", isInternal: false },
    ],
  });
  if (command === "help") throw new Error("help");
  return command;
}

describe("tsunagi-turn", () => {
  it("takes its options from flags, then from the environment, else the server's defaults", () => {
    const { options, logLevel, metricsPort } = run(["--port", "1234", "--secret", "s", "--deny", "192.0.2.0/24"], {
      TSUNAGI_TURN_PORT: "1",
      TSUNAGI_TURN_RELAY_PORTS: "2000-3000",
      TSUNAGI_TURN_ALLOW: "10.0.0.0/8 192.168.0.0/16",
      TSUNAGI_TURN_NO_TCP: "yes",
    });
    expect(options).toMatchObject({
      port: 1234,
      tlsPort: undefined,
      tls: undefined,
      tcp: false,
      relayPorts: { min: 2000, max: 3000 },
      policy: { realm: "tsunagi", secrets: ["s"], allow: ["10.0.0.0/8", "192.168.0.0/16"], deny: ["192.0.2.0/24"] },
    });
    expect([logLevel, metricsPort]).toEqual(["info", undefined]);
  });

  it("reads certificate, secrets and users from files", () => {
    const args = "--tls-cert cert.pem --tls-key key.pem --secret-file secrets --users-file users --user bob:x".split(" ");
    expect(run(args).options).toMatchObject({
      tls: { cert: "the certificate", key: "the key" },
      policy: { secrets: ["one", "two"], users: { alice: "her:password", bob: "x" } },
    });
  });

  it("puts an outside address before every relay address of its family, or one", () => {
    const outside = (value: string) => run(["--secret", "s", "--external-address", value]).options.externalAddresses;
    expect(outside("203.0.113.5")).toEqual({ "10.0.0.5": "203.0.113.5" });
    expect(outside("10.0.0.9=203.0.113.5")).toEqual({ "10.0.0.9": "203.0.113.5" });
  });

  it.each([
    [[], "nobody could use this server"],
    [["--secret", "s", "--port", "x"], "--port takes a number"],
    [["--secret", "s", "--port", "70000"], "--port takes a port up to 65535"],
    [["--secret", "s", "--port", "1", "--port", "2"], "--port is given more than once"],
    [["--secret", "s", "--tls-cert", "cert.pem"], "go together"],
    [["--secret-file", "none"], "--secret-file cannot be read: no such file"],
    [["--user", "alice"], "--user is NAME:PASSWORD"],
    [["--secret", "s", "--relay-ports", "5000"], "--relay-ports is like"],
    [["--secret", "s", "--log-level", "loud"], "--log-level is one of"],
    [["--unknown"], "--unknown"],
    [["--secret", "s", "surplus"], "surplus"],
  ])("says what is wrong with %j", (args, message) => {
    expect(() => run(args)).toThrow(expect.objectContaining({ code: "turn.option.value" }));
    expect(() => run(args)).toThrow(message);
  });

  it("explains itself", () => {
    expect(() => run(["--help"])).toThrow("help");
    expect(helpText()).toContain("--relay-ports MIN-MAX");
    for (const line of helpText().split("\n")) expect(line.length).toBeLessThan(140);
  });
});
