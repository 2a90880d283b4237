/** The database as kysely sees it. Times are milliseconds since 1970 in 64-bit integers; JSON is text, so that both databases store the same bytes. */
import type { Generated } from "kysely";

export type Tables = {
  app: {
    id: string;
    name: string;
    enabled: number;
    origins: string;
    switches: string;
    limits: string;
    webhooks: string;
    created_at: number;
    updated_at: number;
  };
  /** The current key has no `retires_at`. The primary key over all of them keeps two apps from ever sharing one. */
  app_key: { key: string; app_id: string; created_at: number; retires_at: number | null };
  app_secret: { app_id: string; secret: string; created_at: number; retires_at: number | null };
  setting: { name: string; value: string };
  /** One row with id 1. Its update comes first in each transaction that writes apps, which also puts those in a line. */
  revision: { id: number; n: number };
  call: {
    id: Generated<number>;
    app_id: string;
    kind: string;
    name: string;
    peers: string;
    started_at: number;
    ended_at: number;
    reason: string;
  };
  /** What a face needs of a session or room when this process has been restarted, as it says itself. */
  face_state: { face: string; app_id: string; name: string; body: string; updated_at: number };
};
