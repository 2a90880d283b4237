import { expect, it } from "vitest";
import { iceLinks } from "./ice-links.ts";

it("writes one Link for each URL, with the account where there is one (RFC 9725 §4.6)", () => {
  const links = iceLinks([
    { urls: ["stun:stun.example.net"] },
    {
      urls: ["turn:turn.example.net?transport=udp", "turns:turn.example.net?transport=tcp"],
      username: "1:u",
      credential: 'a"b\\c\n',
    },
  ]);
  const account = 'rel="ice-server"; username="1:u"; credential="a\\"b\\\\c"; credential-type="password"';
  expect(links).toEqual([
    '<stun:stun.example.net>; rel="ice-server"',
    `<turn:turn.example.net?transport=udp>; ${account}`,
    `<turns:turn.example.net?transport=tcp>; ${account}`,
  ]);
  expect(iceLinks([])).toEqual([]);
});
