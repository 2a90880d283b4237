/** Which of a member's streams is the camera and which the screen. */
import type { Presence } from "./wire.ts";

export type Sources = { readonly camera: MediaStream | null; readonly screen: MediaStream | null };

/**
 * The stream named in the presence is the screen. Streams and metadata travel different ways, so either may come first: a stream that is not
 * named is the camera if it is the oldest one left, and a later second one waits for its name rather than replace the camera.
 */
export function assignStreams(streams: readonly MediaStream[], presence: Presence): Sources {
  const screen = streams.find(({ id }) => id === presence.screen) ?? null;
  const camera = streams.find((stream) => stream !== screen) ?? null;
  return { camera, screen };
}
