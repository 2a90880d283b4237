import { readFileSync } from "node:fs";
import { type CodedError, Emitter } from "@tsunagi/base";
import { expect, it } from "vitest";
import { asCoded, report, SDK_ERROR_CODES, sdkError, serverError } from "./errors.ts";

it("names codes as area.thing.problem", () => {
  for (const code of Object.keys(SDK_ERROR_CODES)) expect(code).toMatch(/^[a-z]+\.[a-z]+\.[a-z]+$/);
});

it("has every code in the documentation", () => {
  const page = readFileSync(new URL("../../../../docs/sdk.md", import.meta.url), "utf8");
  expect(Object.keys(SDK_ERROR_CODES).filter((code) => !page.includes(`\`${code}\``))).toEqual([]);
});

it("keeps coded errors and wraps others", () => {
  const coded = sdkError("media.track.unknown");
  expect(asCoded(coded, "signal.client.closed")).toBe(coded);
  expect(asCoded(new TypeError("x"), "signal.credential.failed")).toMatchObject({
    code: "signal.credential.failed",
    message: "x",
  });
});

it("logs what nobody listens to, and throws nothing", () => {
  const emitter = new Emitter<{ error: [CodedError] }>();
  const logged: string[] = [];
  const log = { error: (_: object, message: string) => void logged.push(message), warn() {}, info() {}, debug() {} };
  report(emitter, sdkError("media.track.unknown", "lost"), log);
  const heard: string[] = [];
  emitter.on("error", ({ message }) => heard.push(message));
  report(emitter, sdkError("media.track.unknown", "heard"), log);
  expect([logged, heard]).toEqual([["lost"], ["heard"]]);
});

it("gives what the server says its own code and remedy", () => {
  const error = serverError({ code: "room.member.limit", message: "full", remedy: "wait" });
  expect([error.code, error.message, error.remedy]).toEqual(["room.member.limit", "full", "wait"]);
  expect(serverError({ code: "a.b.c", message: "" }).remedy).toBeUndefined();
});
