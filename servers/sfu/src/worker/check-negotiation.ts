/** Whether a member may send and receive what its offer names, before the offer is looked into. */
import { CodedError } from "@tsunagi/base";
import type { SfuCommand } from "@tsunagi/conference";
import type { SfuLimits } from "../options.ts";

/**
 * @param ownerOf the member of the room that has a publication
 * @throws {CodedError} `sfu.direction.denied`, `sfu.publication.limit`, `sfu.slot.limit`, `sfu.publication.duplicate`
 */
export function checkNegotiation(
  { peerId, directions, send, receive, limits }: Extract<SfuCommand, { type: "negotiate" }>,
  { slotsPerMember }: SfuLimits,
  ownerOf: (publication: string) => string | undefined,
): void {
  if ((send.length > 0 && !directions.publish) || (receive.length > 0 && !directions.subscribe)) {
    throw new CodedError("sfu.direction.denied", "This member may not send or receive media here.");
  }
  if (send.length > limits.publicationsPerMember) {
    throw new CodedError("sfu.publication.limit", `A member may publish ${limits.publicationsPerMember} tracks.`);
  }
  if (receive.length > slotsPerMember) {
    throw new CodedError("sfu.slot.limit", `A member may have ${slotsPerMember} receiving sections.`);
  }
  for (const { publication } of send) {
    if ((ownerOf(publication) ?? peerId) !== peerId) {
      throw new CodedError("sfu.publication.duplicate", `Publication ${publication} belongs to another member.`);
    }
  }
}
