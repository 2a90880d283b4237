/** Debian's `whip-client`: GStreamer's webrtcbin with a WHIP client of its own (simple-whip-client). */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startProcess, type TestProcess, track } from "@tsunagi/testkit/drivers";

/**
 * Debian 12's build links libsoup 2, and its libnice draws in libsoup 3 by way of UPnP: the two abort when they meet in one process. Nobody wants
 * UPnP here, so a library of that name without anything in it takes its place.
 */
const NO_UPNP = `
#include <stddef.h>
void *gupnp_simple_igd_thread_new(void) { return NULL; }
unsigned long gupnp_simple_igd_get_type(void) { return 0; }
void gupnp_simple_igd_add_port(void) {}
void gupnp_simple_igd_remove_port_local(void) {}
`;
const NAME = "libgupnp-igd-1.0.so.4";

const AUDIO =
  "audiotestsrc is-live=true wave=sine freq=880 ! audioconvert ! audioresample ! queue ! opusenc ! rtpopuspay pt=100 ! queue ! application/x-rtp,media=audio,encoding-name=OPUS,payload=100";
const VIDEO =
  "videotestsrc is-live=true pattern=red ! video/x-raw,width=320,height=180,framerate=30/1 ! videoconvert ! queue ! vp8enc deadline=1 keyframe-max-dist=60 ! rtpvp8pay pt=96 ! queue ! application/x-rtp,media=video,encoding-name=VP8,payload=96";

export type WhipClientOptions = {
  readonly url: string;
  readonly token?: string;
  /** All candidates in the offer. Default: trickled by PATCH. */
  readonly trickle?: boolean;
};

/** A red picture and a tone of 880 Hz, sent until the process ends; SIGINT ends the session with DELETE. */
export async function startWhipClient({ url, token, trickle = true }: WhipClientOptions): Promise<TestProcess> {
  const libraries = mkdtempSync(join(tmpdir(), "tsunagi-gst-"));
  writeFileSync(join(libraries, "no-upnp.c"), NO_UPNP);
  execFileSync("gcc", ["-shared", "-fPIC", `-Wl,-soname,${NAME}`, "-o", join(libraries, NAME), join(libraries, "no-upnp.c")]);
  track({ name: "libraries of whip-client", end: async () => rmSync(libraries, { recursive: true, force: true }) });
  const args = ["-u", url, "-l", "7", "-o", "-A", AUDIO, "-V", VIDEO];
  if (token !== undefined) args.push("-t", token);
  if (!trickle) args.push("-n");
  return startProcess({ name: "whip-client", command: "whip-client", args, env: { LD_LIBRARY_PATH: libraries } });
}
