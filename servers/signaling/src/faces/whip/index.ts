export { WHIP_CODES, type WhipCode } from "./errors.ts";
export { type WhipFaceOptions, type WhipLimits, whipFace } from "./face.ts";
