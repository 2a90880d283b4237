/** What the SFU's core refuses, by code. */
export const SFU_CORE_ERRORS = {
  "sfu.publication.duplicate": "A publication of this ID belongs to another member.",
  "sfu.publication.limit": "A member has as many publications as it may.",
  "sfu.publication.unknown": "There is no such publication.",
  "sfu.slot.limit": "A member has as many slots as it may.",
  "sfu.slot.unknown": "There is no slot of this mid.",
  "sfu.transport.unknown": "There is no such transport.",
} as const;

export type SfuCoreErrorCode = keyof typeof SFU_CORE_ERRORS;
