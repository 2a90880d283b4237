export type { OwnTransport } from "./description.ts";
export { SDP_ERROR_CODES, type SdpErrorCode } from "./errors.ts";
export { DEFAULT_SDP_LIMITS, type SdpLimits } from "./limits.ts";
export { type Decision, Negotiation, type OwnOfferSection, type WantedPublication, type WantedSlot } from "./negotiation.ts";
export { type ClientTransport, type Offer, type OfferedMedia, type OfferedSection, parseOffer } from "./offer.ts";
