/** What sessions share: the face, as one of them sees it. */
import type { Grants } from "@tsunagi/conference";
import type { ConferenceHost } from "../../host.ts";
import type { MembershipOwner } from "./memberships.ts";
import type { SkywayFaceOptions } from "./options.ts";
import type { Returning } from "./returning.ts";
import type { SkywaySession } from "./session.ts";

export interface SessionOwner extends MembershipOwner {
  readonly options: SkywayFaceOptions;
  readonly host: Pick<ConferenceHost, "handle">;
  session(appId: string, peerId: string): SkywaySession | undefined;
  /** What was handed from one session to another last. */
  lastRelayed: string | undefined;
  readonly returning: Returning;
  turnCredential(session: SkywaySession): { readonly username: string; readonly credential: string } | undefined;
  /** Bytes more or fewer that are kept for clients. @returns whether there is room for them */
  reserve(bytes: number): boolean;
  refused(code: string): void;
  changed(session: SkywaySession): void;
  /** It is over, or never began. */
  forget(session: SkywaySession): void;
  /** A restore was refused since the server cannot restore any more: begin anew. */
  again(session: SkywaySession, grants: Grants): void;
  /** The server ends: sessions stay as they are. */
  readonly isClosed: boolean;
}
