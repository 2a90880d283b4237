/** The part of the configuration that is about the SFU. */
import { isIP } from "node:net";
import { z } from "zod";

const address = z.string().refine((value) => isIP(value) !== 0, "is not an IP address");
const bitsPerSecond = z.int().min(10_000).max(100_000_000_000);

export const sfuSchema = z
  .strictObject({
    enabled: z.boolean().default(true),
    // The native library takes no privileged port.
    port: z
      .int()
      .refine((value) => value === 0 || (value > 1_024 && value <= 65_535), "is neither 0 nor between 1025 and 65535")
      .default(44_300),
    workers: z.int().min(0).max(64).default(0),
    address: address.optional(),
    announcedAddresses: z.array(address).max(16).default([]),
    limits: z
      .strictObject({
        publicationBps: bitsPerSecond.default(8_000_000),
        publicationsPerMember: z.int().min(1).max(256).default(16),
        memberBps: bitsPerSecond.default(50_000_000),
        slotsPerMember: z.int().min(1).max(512).default(256),
        membersPerWorker: z.int().min(1).max(100_000).default(2_000),
      })
      .prefault({}),
  })
  .prefault({});

/** How text from the environment or a flag becomes each setting. */
export const SFU_SETTINGS = {
  "sfu.enabled": "boolean",
  "sfu.port": "number",
  "sfu.workers": "number",
  "sfu.address": "text",
  "sfu.announcedAddresses": "list",
  "sfu.limits.publicationBps": "number",
  "sfu.limits.publicationsPerMember": "number",
  "sfu.limits.memberBps": "number",
  "sfu.limits.slotsPerMember": "number",
  "sfu.limits.membersPerWorker": "number",
} as const;
