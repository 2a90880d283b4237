import { Emitter } from "@tsunagi/base";
import { type App, type ConferenceEvent, DEFAULT_LIMITS, DEFAULT_SWITCHES, type Webhook } from "@tsunagi/conference";
import { FakeClock } from "@tsunagi/testkit";
import { describe, expect, it } from "vitest";
import type { RegistryEvents } from "../store/app-registry.ts";
import { WebhookService } from "./service.ts";
import { verifyWebhook } from "./signature.ts";
import type { Attempt, Outcome } from "./transport.ts";

const webhook = (id: string, events: string[] = []): Webhook => ({
  id,
  url: `https://${id}.example/`,
  secret: `s-${id}`,
  events,
});

function appWith(...webhooks: Webhook[]): App {
  return {
    id: "app_1",
    key: "k",
    retiredKeys: [],
    name: "shop",
    enabled: true,
    secrets: [],
    origins: [],
    switches: DEFAULT_SWITCHES,
    limits: DEFAULT_LIMITS,
    webhooks,
    createdAt: 0,
    updatedAt: 0,
  };
}

function setUp(app: App) {
  const clock = new FakeClock();
  const events = new Emitter<RegistryEvents>();
  const state = { app: app as App | undefined };
  const attempts: Attempt[] = [];
  const facts: string[] = [];
  const answer = { next: { type: "delivered", status: 200 } as Outcome, hang: false };
  const service = new WebhookService({
    registry: { byId: (id) => (id === state.app?.id ? state.app : undefined), events },
    transport: async (attempt) => {
      attempts.push(attempt);
      return answer.hang ? new Promise(() => {}) : answer.next;
    },
    clock,
    random: () => 0.5,
    hooks: {
      onAttempt: ({ type, outcome, code }) => facts.push(`${type} ${outcome}${code === undefined ? "" : ` ${code}`}`),
      onDropped: ({ type, reason }) => facts.push(`${type} dropped ${reason}`),
    },
  });
  return { clock, events, state, attempts, facts, answer, service };
}

const opened = (appId = "app_1"): ConferenceEvent => ({ type: "peer.opened", appId, at: 1_767_225_600_000, peerId: "alice" });
const failed: Outcome = { type: "failed", code: "webhook.attempt.status", message: "status 500", status: 500, final: false };

describe("WebhookService", () => {
  it("sends a signed body to each webhook that wants the event", async () => {
    const { clock, attempts, service, facts } = setUp(
      appWith(webhook("all"), webhook("rooms", ["room.created"]), webhook("p", ["peer.opened"])),
    );
    service.publish(opened());
    service.publish(opened("app_other"));
    await clock.advanceAsync(0);
    expect(attempts.map((attempt) => attempt.url)).toEqual(["https://all.example/", "https://p.example/"]);
    const [first] = attempts;
    const body = JSON.parse(first?.body ?? "");
    expect(body).toEqual({
      id: expect.stringMatching(/^evt_/),
      type: "peer.opened",
      at: 1_767_225_600_000,
      app: { id: "app_1", name: "shop" },
      data: { peerId: "alice" },
    });
    const { "tsunagi-signature": signature, ...headers } = first?.headers ?? {};
    expect(headers).toEqual({ "tsunagi-delivery": body.id, "tsunagi-event": "peer.opened", "tsunagi-attempt": "1" });
    expect(verifyWebhook("s-all", signature ?? "", first?.body ?? "", clock.wallNow() / 1_000)).toBe(true);
    expect(facts).toEqual(["peer.opened delivered", "peer.opened delivered"]);
    expect(clock.pending).toBe(0);
  });

  it("tries again later with the same bytes and a new signature", async () => {
    const { clock, attempts, service, answer, facts } = setUp(appWith(webhook("a")));
    answer.next = failed;
    service.publish(opened());
    await clock.advanceAsync(4_999);
    answer.next = { type: "delivered", status: 200 };
    await clock.advanceAsync(1);
    expect(attempts).toHaveLength(2);
    expect(attempts[1]?.body).toBe(attempts[0]?.body);
    expect(attempts[1]?.headers["tsunagi-signature"]).not.toBe(attempts[0]?.headers["tsunagi-signature"]);
    expect(attempts[1]?.headers["tsunagi-attempt"]).toBe("2");
    expect(facts).toEqual(["peer.opened failed webhook.attempt.status", "peer.opened delivered"]);
  });

  it("uses a changed URL for what waits, and forgets what waits for a removed one", async () => {
    const { clock, attempts, service, answer, events, facts } = setUp(appWith(webhook("a"), webhook("b")));
    answer.next = failed;
    service.publish(opened());
    await clock.advanceAsync(0);
    answer.next = { type: "delivered", status: 200 };
    events.emit("changed", appWith({ ...webhook("a"), url: "https://moved.example/" }), appWith(webhook("a"), webhook("b")));
    await clock.advanceAsync(60_000);
    expect(attempts.slice(2).map((attempt) => attempt.url)).toEqual(["https://moved.example/"]);
    expect(facts.filter((fact) => fact.includes("dropped"))).toEqual(["peer.opened dropped removed"]);
    expect(clock.pending).toBe(0);
  });

  it("tells the result of a test at once", async () => {
    const { service, answer, attempts } = setUp(appWith(webhook("a")));
    const [target] = [webhook("a")];
    expect(await service.test(appWith(target), target)).toEqual({ delivered: true, status: 200, durationMs: 0 });
    answer.next = failed;
    expect(await service.test(appWith(target), target)).toEqual({
      delivered: false,
      status: 500,
      code: "webhook.attempt.status",
      message: "status 500",
      durationMs: 0,
    });
    expect(JSON.parse(attempts[0]?.body ?? "")).toMatchObject({ type: "webhook.test" });
  });

  it("drains: one attempt for what waits, then an end, with or without an answer", async () => {
    const { clock, service, answer, attempts } = setUp(appWith(webhook("a")));
    answer.next = failed;
    service.publish(opened());
    await clock.advanceAsync(0);
    answer.next = { type: "delivered", status: 200 };
    await service.drain(1_000);
    expect(attempts).toHaveLength(2);
    service.publish(opened());
    expect(attempts).toHaveLength(2);
    await service.drain(1_000);

    const stuck = setUp(appWith(webhook("a")));
    stuck.answer.hang = true;
    stuck.service.publish(opened());
    let done = false;
    void stuck.service.drain(1_000).then(() => {
      done = true;
    });
    await stuck.clock.advanceAsync(999);
    expect(done).toBe(false);
    await stuck.clock.advanceAsync(1);
    expect(done).toBe(true);
    expect(stuck.clock.pending).toBe(0);
  });
});
