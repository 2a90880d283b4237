/** Codes of this package. */
export const MEDIA_ERROR_CODES = [
  "media.plane.port",
  "media.plane.closed",
  "media.transport.parameters",
  "media.transport.failed",
] as const;

export type MediaErrorCode = (typeof MEDIA_ERROR_CODES)[number];
