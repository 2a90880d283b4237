/** The peer as pages use it. */
import { Peer as CorePeer, type PeerOptions } from "../core/index.ts";
import { browserPlatform } from "./platform.ts";

export class Peer extends CorePeer {
  constructor(options: PeerOptions);
  constructor(id: string, options: PeerOptions);
  constructor(first: PeerOptions | string, second?: PeerOptions) {
    // Calls without options are JavaScript's mistake: the core refuses the missing key with a coded error.
    const options = typeof first === "string" ? { ...(second as PeerOptions), id: first } : first;
    super(options, browserPlatform());
    // The others see a closed page leave at once, and its ID is free for the page that follows it. A page put aside may come back.
    const onPageHide = (event: PageTransitionEvent) => {
      if (!event.persisted) this.destroy();
    };
    addEventListener("pagehide", onPageHide);
    this.on("close", () => removeEventListener("pagehide", onPageHide));
  }
}
