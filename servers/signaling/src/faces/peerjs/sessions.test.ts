import { expect, it } from "vitest";
import type { PeerjsSession } from "./session.ts";
import { PeerjsSessions } from "./sessions.ts";

const session = (appId: string, peerId: string) => ({ app: { id: appId }, peerId }) as PeerjsSession;

it("sessions are found by app and ID, and only the one that is there is removed", () => {
  const sessions = new PeerjsSessions();
  const [a, b, other] = [session("app", "a"), session("app", "b"), session("other", "a")];
  for (const each of [a, b, other]) sessions.add(each);
  expect([sessions.get("app", "a"), sessions.get("other", "a"), sessions.get("other", "b"), sessions.get("none", "a")]).toEqual([
    a,
    other,
    undefined,
    undefined,
  ]);
  expect([sessions.size, [...sessions.of("app")], [...sessions.all()]]).toEqual([3, [a, b], [a, b, other]]);
  expect(() => sessions.add(session("app", "a"))).toThrow("two sessions");
  // The ID has gone to another since.
  sessions.remove(session("app", "a"));
  sessions.remove(other);
  sessions.remove(other);
  expect([sessions.size, sessions.get("app", "a"), [...sessions.of("other")]]).toEqual([2, a, []]);
});
