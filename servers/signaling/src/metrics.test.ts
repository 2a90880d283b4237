import { expect, it } from "vitest";
import { SignalingMetrics } from "./metrics.ts";

it("shows what other parts of the process count, with no label, one or two, as it is when it is scraped", async () => {
  const counts = { peers: 0, rooms: 0, calls: 0, sfuMembers: 2, publications: 3 };
  const metrics = new SignalingMetrics({ version: "1", sessions: () => 0, counts: () => counts });
  metrics.sfuCommand("negotiate", "ok");
  let open = 1;
  const help = "h";
  metrics.add({ name: "plain", help, type: "gauge", label: undefined, read: () => [["", open]] });
  metrics.add({ name: "one_total", help, type: "counter", label: "reason", read: () => [["rate", 2]] });
  metrics.add({
    name: "two",
    help,
    type: "gauge",
    label: "transport,family",
    read: () => [
      ["udp,4", open],
      ["tls,6", 3],
    ],
  });
  const lines = async () => (await metrics.registry.metrics()).split("\n");
  expect(await lines()).toEqual(
    expect.arrayContaining([
      "tsunagi_sfu_members 2",
      "tsunagi_publications 3",
      'tsunagi_sfu_commands_total{type="negotiate",outcome="ok"} 1',
      "plain 1",
      'one_total{reason="rate"} 2',
      'two{transport="udp",family="4"} 1',
      'two{transport="tls",family="6"} 3',
    ]),
  );
  open = 7;
  expect(await lines()).toEqual(expect.arrayContaining(["plain 7", 'two{transport="udp",family="4"} 7']));
  // Scraping again adds nothing.
  expect(await lines()).toContain('one_total{reason="rate"} 2');
});
