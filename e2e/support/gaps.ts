/** That media goes on without a gap. */
import type { BrowserPage, MediaProbe } from "@tsunagi/testkit/drivers";
import { expect } from "vitest";
import { pause, watching } from "./people.ts";

/** How long to look at what is steady. */
const STEADY_MS = 2_000;

/**
 * The longest time without a decoded frame, first in steady state, then during the event. A plain connection inside one page, which no
 * server has a part in, is measured beside them: what a busy machine does to all media alike is no gap of ours. Anything that touches a
 * transport (an ICE restart that fails, a new connection) would stand out.
 */
export async function expectNoGap(
  what: string,
  page: BrowserPage,
  probes: readonly MediaProbe[],
  during: () => Promise<void>,
): Promise<void> {
  const control = await controlProbe(page);
  const longest = async (run: () => Promise<void>) => {
    const once = run();
    const [uninvolved = 0, ...gaps] = await Promise.all([control, ...probes].map((probe) => probe.longestGapDuring(() => once)));
    return { uninvolved, gap: Math.max(...gaps) };
  };
  const steady = await longest(() => pause(STEADY_MS));
  const event = await longest(during);
  const round = (value: object) => JSON.stringify(value, (_, each) => (typeof each === "number" ? Math.round(each) : each));
  console.log(`${what}, longest gaps in ms: steady ${round(steady)}, during ${round(event)}`);
  expect(event.gap).toBeLessThan(Math.max(400, 3 * Math.max(steady.gap, steady.uninvolved, event.uninvolved)));
  await control.stop();
}

/** A plain RTCPeerConnection pair within the page. */
async function controlProbe(page: BrowserPage): Promise<MediaProbe> {
  await page.evaluate(async () => {
    const [from, to] = [new RTCPeerConnection(), new RTCPeerConnection()];
    from.onicecandidate = ({ candidate }) => void to.addIceCandidate(candidate ?? undefined);
    to.onicecandidate = ({ candidate }) => void from.addIceCandidate(candidate ?? undefined);
    to.ontrack = ({ track }) => helpers.show("control", new MediaStream([track]));
    for (const track of picture().getTracks()) from.addTrack(track);
    await from.setLocalDescription();
    await to.setRemoteDescription(from.localDescription as RTCSessionDescription);
    await to.setLocalDescription();
    await from.setRemoteDescription(to.localDescription as RTCSessionDescription);
    helpers.kept.control = [from, to];
  });
  return watching(page, "control");
}
