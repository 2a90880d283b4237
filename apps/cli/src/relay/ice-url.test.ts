import { expect, it } from "vitest";
import { parseIceUrl } from "./ice-url.ts";

it.each([
  ["stun:a.example", { kind: "stun", host: "a.example", port: 3478 }],
  ["STUN:192.0.2.1:19302", { kind: "stun", host: "192.0.2.1", port: 19302 }],
  ["turn:a.example", { kind: "turn", transport: "udp", host: "a.example", port: 3478 }],
  ["turn:a.example:80?transport=tcp", { kind: "turn", transport: "tcp", host: "a.example", port: 80 }],
  ["turn:[2001:db8::1]:3478?transport=udp", { kind: "turn", transport: "udp", host: "2001:db8::1", port: 3478 }],
  ["turns:a.example?transport=tcp", { kind: "turn", transport: "tls", host: "a.example", port: 5349 }],
  ["turns:a.example:443", { kind: "turn", transport: "tls", host: "a.example", port: 443 }],
])("reads %s", (text, expected) => {
  expect(parseIceUrl(text)).toEqual(expected);
});

it.each([
  "",
  "turn:",
  "http://a.example",
  "turn://a.example",
  "turn:a.example:0",
  "turn:a.example:70000",
  "turn:a.example?transport=sctp",
  "turns:a.example?transport=udp",
  "stuns:a.example",
  "turn:[a.example]",
  "turn:user@a.example",
])("refuses %j", (text) => {
  expect(parseIceUrl(text)).toBeUndefined();
});
