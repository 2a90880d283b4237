/** What is loaded for SFU rooms only. */
import type { SfuModule } from "../room/room-media.ts";
import { SfuMedia } from "./sfu-media.ts";

export const createSfuMedia: SfuModule["createSfuMedia"] = (room, publications, mesh) => new SfuMedia(room, publications, mesh);
