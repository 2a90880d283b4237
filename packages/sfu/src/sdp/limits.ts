/** How much of a description is read. */
export type SdpLimits = {
  /** Characters. A browser's video section takes about 5,000. */
  readonly length: number;
  /** The group line names all sections, whose numbers may have five digits in the end. */
  readonly lineLength: number;
  readonly sections: number;
  /** Payload types of one section. Chromium offers 34 for video. */
  readonly payloadTypes: number;
  readonly extensions: number;
  readonly encodings: number;
  /** Lines that name an SSRC, in one section. */
  readonly ssrcLines: number;
};

export const DEFAULT_SDP_LIMITS: SdpLimits = {
  length: 2_000_000,
  lineLength: 4_096,
  sections: 600,
  payloadTypes: 64,
  extensions: 32,
  encodings: 4,
  ssrcLines: 128,
};
