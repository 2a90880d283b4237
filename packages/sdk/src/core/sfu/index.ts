/** What is loaded for SFU rooms only. */
import type { SfuModule } from "../room/room-media.ts";

export const createSfuMedia: SfuModule["createSfuMedia"] = () => {
  throw new Error("not built in");
};
